import { beforeAll, describe, expect, it } from "vitest";
import { planSchema } from "../../contract";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, find, job, template } from "./registered";

const server = { host: "db.example.org", port: 5433, user: "root", passwordSecret: "db-admin" };
const isolated = changed("isolation", { server: [{ cidr: "10.1.2.0/24", ports: [5433] }] });
const brought = changed("database", { volume: undefined, server }, isolated);

describe("a server that is brought", () => {
    let run: Run;
    beforeAll(async () => {
        const foreign = { data: { password: Buffer.from("somebody's").toString("base64") } };
        run = await runProgram({
            config: brought,
            cluster: { ...cluster, "/api/v1/namespaces/replica/secrets/database": foreign },
        });
    });
    const variables = (of: Run) => {
        const [container] = template(find(of, "kubernetes:apps/v1:Deployment", "application-deployment")).spec
            .containers;
        return container?.env;
    };

    it("is registered by nobody: no server, no volume, no Service, no password of its own", () => {
        expect(run.status).toBe(0);
        expect(run.registrations.map(({ name }) => name).filter((name) => name.startsWith("database"))).toEqual([]);
        expect(run.registrations.filter(({ type }) => /:(StatefulSet|DatabaseServer)$/.test(type))).toEqual([]);
        const named = run.registrations.filter(({ inputs }) => {
            const { name } = (inputs.metadata ?? {}) as { name?: string };
            return name === "database" || name === server.passwordSecret;
        });
        expect(named).toEqual([]);
    });

    it("is what the plan tells the agent, with nothing on its size", () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs;
        const { database } = planSchema.parse(JSON.parse((data as Record<string, string>)["plan.json"] ?? ""));
        expect(database.server).toEqual({
            host: "db.example.org",
            port: 5433,
            user: "root",
            passwordFile: "/secrets/admin/password",
        });
        expect(database).not.toHaveProperty("capacity");
    });

    it.each(["prepare-database", "switch", "retire"])(
        "is governed by %s with the Secret that is brought",
        (command) => {
            expect(template(job(run, command)).spec.volumes).toContainEqual({
                name: "admin",
                secret: { secretName: "db-admin", items: [{ key: "password", path: "password" }] },
            });
        },
    );

    it("is what the application connects to, with the login of its generation", () => {
        const login = `login-${run.outputs.databaseGeneration}`;
        expect(variables(run)).toEqual(
            expect.arrayContaining([
                { name: "PGHOST", value: "db.example.org" },
                { name: "PGPORT", value: "5433" },
                { name: "PGPASSWORD", valueFrom: { secretKeyRef: { name: login, key: "password" } } },
            ]),
        );
    });

    it("is what the pooler connects to, where there is one", async () => {
        const pooled = await runProgram({ config: changed("application", { pooler: {} }, brought), cluster });
        const { data } = find(pooled, "kubernetes:core/v1:ConfigMap", "application-pooler-configuration").inputs;
        expect((data as Record<string, string>)["pgbouncer.ini"]).toContain(
            "\ncatalogue = host=db.example.org port=5433 dbname=catalogue\n",
        );
        expect(variables(pooled)).toContainEqual({ name: "PGHOST", value: "pooler" });
    });

    it("is what other names lead to: by its name, or with dots in theirs by its address", async () => {
        const at = (host: string, name: string) => {
            const aliases = changed("application", { aliases: { [name]: "database" } }, brought);
            return runProgram({ config: changed("database", { server: { ...server, host } }, aliases), cluster });
        };
        const [named, addressed] = await Promise.all([at("db.example.org", "db"), at("10.1.2.3", "db.old")]);
        expect(find(named, "kubernetes:core/v1:Service", "application-alias-db").inputs).toMatchObject({
            metadata: { name: "db" },
            spec: { type: "ExternalName", externalName: "db.example.org" },
        });
        const { spec } = template(find(addressed, "kubernetes:apps/v1:Deployment", "application-deployment"));
        expect(spec.hostAliases).toEqual([{ ip: "10.1.2.3", hostnames: ["db.old"] }]);
        expect(addressed.registrations.filter(({ name }) => name.startsWith("application-alias-db"))).toEqual([]);
    });

    it("leaves a Secret called database alone: login passwords come from a key of the stack's own", () => {
        const { inputs } = find(run, "pulumi:index:Stash");
        expect(inputs.input).toMatchObject({ value: expect.stringMatching(/^[\w-]{32}$/) });
    });

    it("is named as the reason where another one makes another copy", async () => {
        const moved = { ...server, host: "new.example.org" };
        const second = await runProgram({ config: changed("database", { server: moved }, brought), cluster });
        expect(second.outputs.databaseGeneration).not.toBe(run.outputs.databaseGeneration);
        const { annotations } = template(job(second, "prepare-database")).metadata;
        expect(annotations).toMatchObject({ "understudy/server": "new.example.org:5433" });
    });

    it("has the application's Secret in the stack's outputs, and not its superuser's", () => {
        expect(run.outputs.databaseSecret).toMatch(/^login-[0-9a-f]{10}$/);
    });
});

it("the agent is told how text is to be stored and sorted", async () => {
    const asked = { encoding: "LATIN1", locale: "en-US", localeProvider: "icu" };
    const run = await runProgram({ config: changed("database", asked), cluster });
    const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs;
    const { database } = planSchema.parse(JSON.parse((data as Record<string, string>)["plan.json"] ?? ""));
    expect(database).toMatchObject({ encoding: "LATIN1", locale: { name: "en-US", provider: "icu" } });
});

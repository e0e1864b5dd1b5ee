import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStage, type Stage } from "./stage";

/** A replica whose databases stand on a server that somebody else has made. */
describe("a replica on a server that is brought", () => {
    let stage: Stage;
    const servers = "servers";
    const password = "of the one who brings it";
    const marked = "select count(*) from understudy.replica";
    const sql = (database: string, query: string) =>
        stage.execute(servers, "app=server", ["psql", "-XAtq", "-U", "postgres", "-d", database, "-c", query]);
    const rows = "select count(*), sum(hashtextextended(t::text, 0)) from packages t";

    beforeAll(async () => {
        stage = await openStage({
            stack: "brought",
            namespace: "brought",
            changes: {
                "target.namespace": "brought",
                "database.volume": undefined,
                "database.server": { host: `server.${servers}.svc`, passwordSecret: "bringer" },
                "application.nodePort": undefined,
            },
        });
        await bringServer(stage, servers, password);
        await bringSecret(stage, password);
    });

    afterAll(async () => {
        await stage.core.deleteNamespace({ name: servers });
    });

    it("1. is refused while the server has no marker, and told how to give it one", async () => {
        const { status, output } = await stage.up();
        expect(status, output).not.toBe(0);
        expect(output).toMatch(/does not carry the marker.*understudy marker brought/s);
        expect(await sql("postgres", "select to_regnamespace('understudy') is null")).toBe("t");
    });

    it("2. stands on it once it is marked, and makes none of its own", async () => {
        const marker = await stage.command("marker", "brought");
        expect(marker.status, marker.output).toBe(0);
        await sql("postgres", marker.output);
        expect(await sql("postgres", marked)).toBe("1");
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
        expect(await sql("catalogue", rows)).toBe(await stage.sql("production", "catalogue", rows));
        expect(await stage.pods("app.kubernetes.io/name=database")).toEqual([]);
    });

    it("3. leaves its databases there when it is wiped, and takes them over again", async () => {
        const wiped = await stage.wipe({ removeMediaVolume: true });
        expect(wiped.status, wiped.output).toBe(0);
        expect(wiped.output).toMatch(/stays: .*server\.servers\.svc/);
        expect(await sql("catalogue", rows)).toBe(await stage.sql("production", "catalogue", rows));

        await bringSecret(stage, password);
        const { status, output } = await stage.up({ removeMediaVolume: true });
        expect(status, output).toBe(0);
        expect(output).toMatch(/already there/);
        const last = await stage.wipe({ removeMediaVolume: true });
        expect(last.status, last.output).toBe(0);
    });
});

async function bringServer({ core }: Stage, namespace: string, password: string): Promise<void> {
    const name = "server";
    const metadata = { name, labels: { app: name } };
    const env = [{ name: "POSTGRES_PASSWORD", value: password }];
    const ready = ["pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres"];
    const container = { name, image: "postgres:15-bookworm", env, readinessProbe: { exec: { command: ready } } };
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    await core.createNamespacedPod({ namespace, body: { metadata, spec: { containers: [container] } } });
    await core.createNamespacedService({
        namespace,
        body: { metadata, spec: { selector: { app: name }, ports: [{ port: 5432 }] } },
    });
    const isReady = async () => {
        const { status } = await core.readNamespacedPod({ namespace, name });
        return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
    };
    while (!(await isReady())) {
        await sleep(500);
    }
}

/** The Secret has to be there before the first update, and so has its namespace. */
async function bringSecret({ core, namespace }: Stage, password: string): Promise<void> {
    const labels = { "understudy/stack": "understudy.brought" };
    await core.createNamespace({ body: { metadata: { name: namespace, labels } } });
    await core.createNamespacedSecret({
        namespace,
        body: { metadata: { name: "bringer" }, stringData: { password } },
    });
}

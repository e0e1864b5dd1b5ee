import { beforeAll, describe, expect, it } from "vitest";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, config, find, job, template } from "./registered";

describe("a stack with hooks", () => {
    let without: Run;
    let run: Run;
    beforeAll(async () => {
        const hooks = {
            afterSwitch: [{ sql: "select 1" }],
            afterStart: [{ sql: "select 2" }],
            secrets: { oauth: { secret: "staging", key: "client" } },
        };
        [without, run] = await Promise.all([
            runProgram({ config, cluster }),
            runProgram({ config: changed("hooks", hooks), cluster }),
        ]);
    });

    const mountsOf = (of: Run, command: string) =>
        JSON.stringify(template(job(of, command)).spec.containers[0]?.volumeMounts);

    it("mounts their values where they are run, and nowhere else", () => {
        for (const command of ["switch", "smoke"]) {
            expect(mountsOf(run, command)).toContain("/secrets/hooks");
            expect(mountsOf(run, command)).toContain("/secrets/admin");
        }
        for (const command of ["prepare-database", "prepare-media", "retire"]) {
            expect(mountsOf(run, command)).toEqual(mountsOf(without, command));
        }
        expect(mountsOf(without, "smoke")).not.toContain("/secrets");
        expect(mountsOf(without, "switch")).not.toContain("/secrets/hooks");
    });

    it("runs the Jobs that run them again, and makes no other copy", () => {
        const text = (of: Run, command: string) => JSON.stringify(template(job(of, command)));
        expect(text(run, "prepare-database")).toBe(text(without, "prepare-database"));
        for (const command of ["switch", "smoke"]) {
            const { metadata, spec } = template(job(run, command));
            const id = Object.entries(metadata.annotations).find(([key]) => key.startsWith("understudy/hooks-"))?.[1];
            expect(id).toMatch(/^[0-9a-f]{10}$/);
            // The plan that it reads has to be about these hooks.
            expect(spec.containers[0]?.command?.at(-1)).toMatch(
                new RegExp(`^--generation=[0-9a-f]{10},[0-9a-f]{10},${id}$`),
            );
        }
    });

    it("tells the agent", () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs as {
            data: Record<string, string>;
        };
        expect(JSON.parse(data["plan.json"] ?? "").hooks.at.afterSwitch).toMatchObject([{ sql: "select 1" }]);
    });
});

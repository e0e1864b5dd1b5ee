import { beforeAll, describe, expect, it } from "vitest";
import { generationsOf } from "../../components/generations";
import { parseSettings } from "../../settings";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, said, withLive } from "./registered";

const application = {
    secrets: ["KEY"],
    workers: { queue: { command: ["work"] } },
    redis: {},
    restart: "1",
};
const allowed = { "understudy:allowTagMismatch": "nothing is live in these runs" };
const config = { ...changed("application", application), ...allowed };

/** Names of the resources on the cluster that differ; the Secrets do always, their values are random here. */
function differing(first: Run, second: Run): string[] {
    const texts = (run: Run) =>
        new Map(
            run.registrations
                .filter(({ type }) => type.startsWith("kubernetes:") && !type.endsWith(":Secret"))
                .map(({ name, inputs }) => [name, JSON.stringify(inputs)]),
        );
    const [before, after] = [texts(first), texts(second)];
    return [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
}

describe("what a change of the stack file changes", () => {
    const parts = ["application-deployment", "application-queue-deployment"];
    let before: Run;
    beforeAll(async () => {
        before = await runProgram({ config, cluster });
    });

    it.each([
        {
            what: "another tag",
            to: { ...config, "understudy:imageTag": "1.1" },
            // The agent compares it with the backup's, when there is data to refresh.
            expected: ["agent-program", "application-banner", ...parts, "smoke"],
        },
        {
            what: "another restart",
            to: changed("application", { restart: "2" }, config),
            expected: parts,
        },
        {
            what: "another refresh of the media",
            to: changed("media", { refresh: "2" }, config),
            expected: [
                "agent-program",
                ...["prepare-media", "switch", "application-redis-server", "application-banner", ...parts],
                ...["smoke", "retire"],
            ],
        },
        {
            what: "another worker",
            to: changed("application", { workers: { ...application.workers, beat: { command: ["tick"] } } }, config),
            // Those that it speaks to let it in.
            expected: [
                "application-beat-deployment",
                ...["isolation-beat", "isolation-database", "isolation-mail", "isolation-redis"],
            ],
        },
        {
            what: "another secret",
            to: changed("application", { secrets: ["KEY", "OTHER"] }, config),
            expected: parts,
        },
    ])("$what", async ({ to, expected }) => {
        const after = await runProgram({ config: to, cluster });
        expect(differing(before, after).sort()).toEqual([...expected].sort());
    });
});

describe("a suspended replica", () => {
    const suspended = changed("lifecycle", { suspended: true }, config);
    const live = generationsOf(parseSettings(config, "understudy", "demo"));

    it("has nothing running, and is otherwise as it was", async () => {
        const [before, after] = [
            await runProgram({ config, cluster: withLive(live) }),
            await runProgram({ config: suspended, cluster: withLive(live) }),
        ];
        const servers = after.registrations.filter(({ type }) => /:(Deployment|StatefulSet)$/.test(type));
        expect(servers.map(({ name }) => name).sort()).toEqual(differing(before, after).sort());
        expect(servers.length).toBeGreaterThan(4);
        for (const { inputs } of servers) {
            expect(inputs.spec).toMatchObject({ replicas: 0 });
        }
    });

    it("takes no other copy", async () => {
        const to = changed("database", { refresh: "2" }, suspended);
        const run = await runProgram({ config: to, cluster: withLive(live) });
        expect(said(run, "error")).toMatch(/The replica is suspended, .*understudy extend demo/);
        expect(run.registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
    });
});

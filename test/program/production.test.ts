import { beforeAll, describe, expect, it } from "vitest";
import { productionCluster, type Run, type RunOptions, runProgram } from "./monitor";
import { changed, cluster, config as demo, said, withLive } from "./registered";

/** The demo's stack file for a production of the same name on the cluster of context `elsewhere`. */
const config = changed("source", { context: "elsewhere" });

const run = (options: Partial<RunOptions>) => runProgram({ config, cluster: {}, ...options });

async function refused(options: Partial<RunOptions>): Promise<string> {
    const { status, registrations, ...found } = await run(options);
    expect(status).not.toBe(0);
    expect(registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
    return said({ log: found.log }, "error");
}

describe("production on another cluster", () => {
    let seen: Run;
    beforeAll(async () => {
        seen = await run({ elsewhere: productionCluster });
    });

    it("is looked at there, and the target's own cluster need not know of it", () => {
        expect(seen.status).toBe(0);
        expect(said(seen, "warning")).toBe("");
    });

    it("may have the namespace's name that the replica has", async () => {
        const twin = changed("target", { namespace: "production" }, config);
        const { status, outputs } = await run({ config: twin, elsewhere: productionCluster });
        expect(status).toBe(0);
        expect(outputs.namespace).toBe("production");
    });

    it("is compared by its tag", async () => {
        const other = { ...config, "understudy:imageTag": "1.1" };
        expect(await refused({ config: other, elsewhere: productionCluster })).toMatch(/but production runs 1\.0/);
    });

    it("is not the target by another context's name: the unique id is the same", async () => {
        const twin = changed("target", { namespace: "production" }, config);
        const labels = { "understudy/stack": "understudy.demo" };
        const one = {
            ...productionCluster,
            "/api/v1/namespaces/production": { metadata: { uid: "uid-of-production", labels } },
        };
        expect(await refused({ config: twin, cluster: one, elsewhere: one })).toMatch(
            'Namespace production is production\'s (production of context "elsewhere") by its unique id uid-of-production',
        );
    });

    it("is refused under the context where it was not found, and with the way to write another", async () => {
        expect(await refused({ elsewhere: {} })).toMatch(
            /namespace production is not on the cluster of context "elsewhere": .* to source\.context/,
        );
        expect(await refused({ config: demo })).toMatch(/is not on the cluster of context "understudy-demo"/);
    });
});

describe("production's cluster out of reach", () => {
    /** What is said of an update that goes on: its reason once. */
    const everything =
        /^[^,]*elsewhere"[^,]*, reason: [^,]*\. Neither .*, nor the target with its namespace\.,What the replica reaches and is told was not compared with what is production's\.$/;

    it("keeps an update from refreshing data under a tag that may not be production's", async () => {
        expect(await refused({})).toMatch(
            /production's tag, which is not known \(cannot read the cluster of context "elsewhere": .*allowTagMismatch/,
        );
        const unknown = changed("source", { context: "nowhere" });
        expect(await refused({ config: unknown, cluster })).toMatch(
            /context "nowhere": the kubeconfig knows no such context .* \(it has: understudy-demo, elsewhere\)/,
        );
    });

    it.each([
        ["a preview", { dryRun: true }, /elsewhere".* Neither .* was compared.*; an update will refuse to go on/],
        [
            "an update that says why the tag may differ",
            { config: { ...config, "understudy:allowTagMismatch": "production's cluster is being moved" } },
            everything,
        ],
        [
            "an update that knows of no workload with a tag",
            { config: changed("source", { workload: undefined }, config) },
            everything,
        ],
    ])("does not stop %s, which says what it could not check", async (_, options, warning) => {
        const found = await run(options);
        expect(found.status).toBe(0);
        expect(said(found, "warning")).toMatch(warning);
    });

    it("does not stop a candidate on data that is live", async () => {
        const { outputs } = await run({ elsewhere: productionCluster });
        const live = { database: String(outputs.databaseGeneration), media: String(outputs.mediaGeneration) };
        const candidate = { ...config, "understudy:imageTag": "1.1" };
        const found = await run({ config: candidate, cluster: withLive(live, {}) });
        expect(found.status).toBe(0);
        expect(said(found, "warning")).toMatch(everything);
    });
});

import { beforeAll, describe, expect, it } from "vitest";
import { tagOf } from "../../preflight";
import { runProgram } from "./monitor";
import { cluster, config, said, withLive } from "./registered";

let generations: { database: string; media: string };

beforeAll(async () => {
    const { outputs } = await runProgram({ config, cluster });
    generations = { database: String(outputs.databaseGeneration), media: String(outputs.mediaGeneration) };
});

describe("the image tag", () => {
    const candidate = () => ({ ...config, "understudy:imageTag": "1.1" });

    it("of data that is refreshed is production's, or nothing is registered", async () => {
        const run = await runProgram({ config: candidate(), cluster: cluster });
        expect(run.status).not.toBe(0);
        expect(said(run, "error")).toMatch(/under tag 1\.1, but production runs 1\.0.*Set imageTag to production's/);
        expect(run.registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
    });

    it("may be a candidate's on data that is live", async () => {
        const run = await runProgram({ config: candidate(), cluster: withLive(generations) });
        expect(run.status).toBe(0);
        expect(said(run, "warning")).toBe("");
    });

    it("may not be a candidate's when other data is asked for than is live", async () => {
        const former = withLive({ ...generations, media: "0123456789" });
        const run = await runProgram({ config: candidate(), cluster: former });
        expect(run.status).not.toBe(0);
    });

    it("may differ for a reason, which is said and recorded", async () => {
        const allowed = { ...candidate(), "understudy:allowTagMismatch": "the last release before the freeze" };
        const run = await runProgram({ config: allowed, cluster: cluster });
        expect(run.status).toBe(0);
        expect(said(run, "warning")).toMatch(/production runs 1\.0.*the last release before the freeze/);
        expect(run.outputs.tagMismatchAllowed).toBe("the last release before the freeze");
    });

    it("cannot be production's when production has no such workload", async () => {
        const { "/apis/apps/v1/namespaces/production/deployments/catalogue": _, ...without } = cluster;
        const run = await runProgram({ config, cluster: without });
        expect(said(run, "error")).toMatch(/has no Deployment catalogue: correct source\.workload/);
    });
});

it.each([
    ["shop:1.2", "1.2"],
    ["registry.example:5000/team/shop:1.2", "1.2"],
    ["registry.example:5000/team/shop", "latest"],
    ["shop:1.2@sha256:0a1b", "1.2"],
    ["shop@sha256:0a1b", "latest"],
])("the tag of %s is %s", (image, tag) => {
    expect(tagOf(image)).toBe(tag);
});

import { beforeAll, describe, expect, it } from "vitest";
import { tagOf } from "../../contract/tag";
import { entry as line } from "../entry";
import { runProgram } from "./monitor";
import { changed, cluster, config, published, said, withLive } from "./registered";

let generations: { database: string; media: string };

beforeAll(async () => {
    const { outputs } = await runProgram({ config, cluster });
    generations = { database: String(outputs.databaseGeneration), media: String(outputs.mediaGeneration) };
});

/** A line of production's catalogue. */
const entry = (stamp: string, imageTag: string) => ({ ...line(stamp, "catalogue"), imageTag });

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

    it("of data that is refreshed is the one that its backup was made under, whatever production runs now", async () => {
        const made = published([
            entry("2026-11-20T02:04:01Z", "1.1"),
            entry("2026-11-19T02:04:01Z", "1.0"),
            { ...entry("2026-11-20T03:04:01Z", "0.9"), subject: "audit" },
        ]);
        expect((await runProgram({ config: candidate(), cluster: made })).status).toBe(0);
        const run = await runProgram({ config, cluster: made });
        expect(said(run, "error")).toMatch(
            /under tag 1\.0, but production ran 1\.1 when backup 2026-11-20T02:04:01Z was made/,
        );
        const earlier = changed("database", { backup: "2026-11-19T02:04:01Z" });
        expect((await runProgram({ config: earlier, cluster: made })).status).toBe(0);
    });

    it("of media alone is production's present one, and so is that of a backup without a record of it", async () => {
        const made = published([entry("2026-11-20T02:04:01Z", "1.1")]);
        const media = withLive({ ...generations, media: "0123456789" }, made);
        expect((await runProgram({ config, cluster: media })).status).toBe(0);
        const { imageTag: _, ...without } = entry("2026-11-20T02:04:01Z", "1.1");
        expect((await runProgram({ config, cluster: published([without]) })).status).toBe(0);
        const run = await runProgram({ config: candidate(), cluster: published([without]) });
        expect(said(run, "error")).toMatch(/under tag 1\.1, but production runs 1\.0/);
    });

    it("is not compared with a torn catalogue: a refresh is refused, and what is live goes on", async () => {
        const torn = published([entry("2026-11-20T02:04:01Z", "1.0"), { tier: "hourly" }]);
        const run = await runProgram({ config, cluster: torn });
        expect(said(run, "error")).toMatch(
            /ConfigMap understudy-catalogue in production\) cannot be used: line 2 of catalogue\.jsonl is not/,
        );
        expect((await runProgram({ config, cluster: withLive(generations, torn) })).status).toBe(0);
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

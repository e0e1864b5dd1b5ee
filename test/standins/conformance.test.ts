import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, loadImages, nodeImage } from "../../dev/cluster/images";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { ensureEngine } from "../../dev/engine/index";
import { type Engine, installStandin } from "../../dev/standins/index";
import type { Recorded } from "./recorded";
import { playAll, playApart } from "./stage";
import { stories } from "./stories";

const home = mkdtempSync(join(tmpdir(), "standins-home-"));
let engine: Engine;
let cluster: Cluster;
let playing: Map<string, Promise<Recorded[]>>;

beforeAll(async () => {
    engine = { command: (await ensureEngine()).command, home };
    await installStandin(engine);
    cluster = await startCluster("standins", { fresh: true });
    await loadImages(cluster, [await buildImage(await nodeImage())]);
    playing = playAll(stories, engine, cluster.kubeconfig);
});

afterAll(async () => {
    await Promise.allSettled(playing?.values() ?? []);
    await cluster?.stop();
    rmSync(home, { recursive: true, force: true });
});

describe.each(stories)("$name", ({ name, steps }) => {
    let played: Recorded[] | undefined;
    beforeAll(async () => {
        played = await playing.get(name);
        if (!isDeepStrictEqual(played, fixture(name))) {
            // A recording holds one course of events. The cluster's controllers may take another once, but not twice.
            console.warn(`Story ${name} went another way than recorded: it is played again.`);
            played = await playApart(name, engine, cluster.kubeconfig);
        }
    });
    test.each(steps.map(({ title }, i) => [i, title] as const))("%i %s", (i) => {
        expect(played?.[i]).toEqual(fixture(name)[i]);
    });
});

/** What the real provider did in this story. */
function fixture(name: string): Recorded[] {
    return JSON.parse(readFileSync(join(__dirname, "fixtures", `${name}.json`), "utf8")).steps;
}

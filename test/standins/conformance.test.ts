import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, loadImages, nodeImage } from "../../dev/cluster/images";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { ensureEngine } from "../../dev/engine/index";
import { installStandin } from "../../dev/standins/index";
import type { Recorded } from "./recorded";
import { playAll } from "./stage";
import { stories } from "./stories";

const home = mkdtempSync(join(tmpdir(), "standins-home-"));
let cluster: Cluster;
let playing: Map<string, Promise<Recorded[]>>;

beforeAll(async () => {
    const { command } = await ensureEngine();
    await installStandin({ command, home });
    cluster = await startCluster("standins", { fresh: true });
    await loadImages(cluster, [await buildImage(await nodeImage())]);
    playing = playAll(stories, { command, home }, cluster.kubeconfig);
});

afterAll(async () => {
    await Promise.allSettled(playing?.values() ?? []);
    await cluster?.stop();
    rmSync(home, { recursive: true, force: true });
});

describe.each(stories)("$name", ({ name, steps }) => {
    test.each(steps.map(({ title }, i) => [i, title] as const))("%i %s", async (i) => {
        const played = await playing.get(name);
        expect(played?.[i]).toEqual(fixture(name)[i]);
    });
});

/** What the real provider did in this story. */
function fixture(name: string): Recorded[] {
    return JSON.parse(readFileSync(join(__dirname, "fixtures", `${name}.json`), "utf8")).steps;
}

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { type FaultyMount, isFuse, mountFaulty } from "./fuse";
import { type MediaStage, makeScene, openReplicaStage } from "./media-stage";

describe.runIf(isFuse)("x", () => {
    let mount: FaultyMount;
    let stage: MediaStage<Plan>;
    beforeAll(async () => {
        const scene = makeScene();
        scene.seen = join(scene.folder, "seen");
        mount = await mountFaulty(scene.real, scene.seen);
        stage = await openReplicaStage(scene);
    });
    afterAll(async () => {
        await mount?.unmount();
        stage?.stop();
    });
    test("read", async () => {
        await stage.suffered({
            fault: "19 EIO",
            step: "read",
            inject: () => mount.fail({ call: "read", path: "source/new/large", from: 2_000_000, error: "EIO" }),
            mend: () => mount.fail(),
            status: 1,
            says: /new\/large/,
        });
    });
});

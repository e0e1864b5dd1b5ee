import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { storeFiles, storeOwn } from "../../contract/files";
import type { Publication } from "../../contract/publication";
import { sweep } from "../sweep";
import { describeOnFuse, type Failing, type FaultyMount, mountFaulty } from "./fuse";
import { type MediaStage, makeScene, openStoreStage } from "./media-stage";
import { large, many } from "./tree";

/** What a run of the agent ends with. */
const [failed, refused] = [1, 3] as const;

/** A call that fails, how the run ends, and what it says. */
type Case = [call: Failing["call"], error: Failing["error"], path: string, status: number, says: RegExp, from?: number];

describeOnFuse("production's side, on a file system that fails", () => {
    let mount: FaultyMount;
    let stage: MediaStage<Publication>;
    beforeAll(async () => {
        const scene = makeScene();
        scene.seen = join(scene.folder, "seen");
        mount = await mountFaulty(scene.real, scene.seen);
        stage = await openStoreStage(scene);
    });
    afterAll(async () => {
        await mount?.unmount();
        stage?.stop();
    });

    const suffer = (where: "source" | "store", [call, error, path, status, says, from = 0]: Case, half = false) =>
        stage.suffered({
            fault: `${error} of production's ${where}`,
            step: `${call} ${path}${from === 0 ? "" : ` from ${from} on`}`,
            inject: () => mount.fail({ call, path: join(where === "store" ? "target" : where, path), from, error }),
            mend: () => mount.fail(),
            status,
            says,
            half,
        });

    sweep<Case>([
        ["read", "EIO", "new/large", failed, /"new\/large" of the media source cannot be read \(EIO\)/, large / 2],
        ["open", "EACCES", "new/n4", failed, /"new\/n4" of the media source cannot be read \(EACCES\)/],
        ["opendir", "EACCES", "new/deep", refused, /"new\/deep" of the media source .* cannot be read \(EACCES\)/],
        ["readdir", "EIO", "new/many", refused, /"new\/many" of the media source .* cannot be read \(EIO\)/, many / 2],
        ["lstat", "ESTALE", "a", refused, /"a" of the media source .* cannot be read \(ESTALE\)/],
    ])("the source's %s with %s of %j leaves the store as it was", (...one) => suffer("source", one));

    const incoming = `${storeOwn.incoming}/tree`;
    sweep<Case>([
        ["opendir", "EIO", "", refused, /media store .* cannot be read \(EIO\)/],
        ["lstat", "EIO", "a/f30", refused, /"a\/f30" .* as it stands in the store, cannot be read \(EIO\)/],
        [
            "write",
            "EIO",
            `${incoming}/new/large`,
            failed,
            /could not be published \(EIO.*write.*new\/large"/,
            large / 2,
        ],
        ["write", "ENOSPC", `${incoming}/new/n8`, failed, /media store .* is full: make its volume larger/],
        ["write", "EDQUOT", `${incoming}/new/n8`, failed, /media store .* is full: make its volume larger/],
        ["create", "EACCES", `${incoming}/new/n4`, failed, /media store .* cannot be written to \(EACCES.*new\/n4"/],
        ["chown", "EPERM", `${incoming}/new/n6`, failed, /media store .* cannot be written to \(EPERM.*new\/n6"/],
        ["read", "EIO", `${incoming}/new/n8`, failed, /could not be published \(EIO.*read.*new\/n8"/],
        [
            "fsync",
            "EIO",
            `${storeOwn.incoming}/files.jsonl`,
            failed,
            /could not be published \(EIO.*fsync.*files.jsonl"/,
        ],
        ["rename", "EIO", storeFiles, failed, /could not be published \(EIO.*rename.*files.jsonl/],
    ])("the store's %s with %s of %j leaves it as it was", (...one) => suffer("store", one));

    sweep<Case>([
        ["rename", "EIO", "new/n10", failed, /could not be published \(EIO.*rename.*new\/n10"/],
        ["unlink", "EACCES", "old/gone", failed, /cannot be written to \(EACCES.*unlink.*old\/gone"/],
        ["utimes", "EIO", "a/b", failed, /could not be published \(EIO.*utime.*a\/b"/],
    ])("the store's %s with %s of %j leaves one that nobody takes for whole", (...one) => suffer("store", one, true));
});

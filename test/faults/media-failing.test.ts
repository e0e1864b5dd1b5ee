import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import type { CopyPlan } from "../../contract";
import { storeFiles } from "../../contract/files";
import { sweep } from "../sweep";
import { describeOnFuse, type Failing, type FaultyMount, mountFaulty } from "./fuse";
import { type MediaStage, makeScene, openReplicaStage } from "./media-stage";
import { large, many } from "./tree";

/** What a run of the agent ends with. */
const [done, failed, refused] = [0, 1, 3] as const;

/** A call that fails, how the run ends, and what it says. */
type Case = [call: Failing["call"], error: Failing["error"], path: string, status: number, says: RegExp, from?: number];

describeOnFuse("on a file system that fails", () => {
    let mount: FaultyMount;
    let stage: MediaStage<CopyPlan>;
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

    const suffer = (where: string, [call, error, path, status, says, from = 0]: Case) =>
        stage.suffered({
            fault: `${error} of the ${where}`,
            step: `${call} ${path}${from === 0 ? "" : ` from ${from} on`}`,
            inject: () => mount.fail({ call, path: join(where === "volume" ? "target" : where, path), from, error }),
            mend: () => mount.fail(),
            status,
            says,
        });

    sweep<Case>([
        ["read", "EIO", "new/large", failed, /"new\/large" of the media source cannot be read \(EIO\)/, large / 2],
        ["read", "ESTALE", "new/large", failed, /"new\/large" of the media source .*\(ESTALE\)/, large / 2],
        ["read", "EIO", "new/n2", failed, /"new\/n2" of the media source cannot be read \(EIO\)/],
        ["open", "EACCES", "new/n4", failed, /"new\/n4" of the media source cannot be read \(EACCES\)/],
        ["lstat", "ESTALE", "new/n6", refused, /"new\/n6" of the media source .* cannot be read \(ESTALE\)/],
        ["lstat", "EIO", "a", refused, /"a" of the media source .* cannot be read \(EIO\)/],
        ["opendir", "EACCES", "new/deep", refused, /"new\/deep" of the media source .* cannot be read \(EACCES\)/],
        ["readdir", "EIO", "new/many", refused, /"new\/many" of the media source .* cannot be read \(EIO\)/, many / 2],
        ["readlink", "EIO", "new/link", refused, /"new\/link" of the media source .* cannot be read \(EIO\)/],
        ["lstat", "EIO", storeFiles, failed, /EIO.*lstat.*files\.jsonl"/],
        ["opendir", "EACCES", "", failed, /EACCES.*open.*source'/],
        ["lstat", "EIO", "", refused, /media source .*source cannot be read \(EIO/],
    ])("the source's %s with %s of %j ends a run", (...one) => suffer("source", one));

    const id = "generations/??????????";
    sweep<Case>([
        ["write", "EIO", `${id}/new/large`, failed, /EIO.*write.*new\/large/, large / 2],
        ["write", "EIO", `${id}/new/n2`, failed, /EIO.*write.*new\/n2"/],
        ["create", "EACCES", `${id}/new/n4`, failed, /EACCES.*open.*new\/n4"/],
        ["mkdir", "EACCES", `${id}/new`, failed, /EACCES.*mkdir.*\/new"/],
        ["mkdir", "EACCES", id, failed, /EACCES.*mkdir.*generations/],
        ["chown", "EPERM", `${id}/new/n6`, failed, /EPERM.*chown.*new\/n6"/],
        ["chmod", "EPERM", `${id}/new`, failed, /EPERM.*chmod.*\/new"/],
        ["utimes", "EIO", `${id}/new/n8`, failed, /EIO.*utime.*new\/n8"/],
        ["symlink", "EPERM", `${id}/new/link`, failed, /EPERM.*symlink.*new\/link"/],
        ["fsync", "EIO", `${id}.files.jsonl`, failed, /EIO.*fsync.*files\.jsonl/],
        ["write", "EDQUOT", `${id}.files.jsonl`, failed, /is full: raise media\.volume/],
        ["fsync", "EIO", `${id}.json.new`, failed, /EIO.*fsync.*\.json/],
        ["rename", "EIO", `${id}.json`, failed, /EIO.*rename.*\.json/],
        ["fsync", "EIO", "generations", failed, /EIO.*fsync.*generations/],
    ])("the volume's %s with %s of %j ends a run", (...one) => suffer("volume", one));

    sweep<Case>([
        ["opendir", "EACCES", "", refused, /media volume .* cannot be read \(EACCES, /],
        ["read", "EIO", ".understudy.json", refused, /media volume .* cannot be read \(EIO, .*\.understudy\.json\)/],
        [
            "open",
            "EIO",
            "generations/0000000001.json",
            refused,
            /media volume .* cannot be read .*EIO.*0000000001\.json/,
        ],
        ["lstat", "ESTALE", "generations/0000000001", refused, /media volume .* cannot be read .*ESTALE.*0000000001/],
        ["readdir", "EIO", "generations", refused, /media volume .* cannot be read .*EIO.*generations/],
    ])("the volume's %s with %s of %j removes nothing", (...one) => suffer("volume", one));

    sweep<Case>([
        ["link", "EIO", `${id}/old/large`, done, /.*/],
        ["link", "EMLINK", `${id}/a/*`, done, /.*/],
        ["lstat", "EIO", "generations/0000000001/a/f30", done, /.*/],
        ["read", "EIO", "generations/0000000001.files.jsonl", done, /.*/],
    ])("the volume's %s with %s of %j has another way round", (...one) => suffer("volume", one));

    test("what cannot be removed either is removed by the next run", async () => {
        await stage.suffered({
            fault: "EIO of the volume",
            step: "fsync of the manifest, and then unlink a/*",
            inject: () =>
                mount.fail(
                    { call: "fsync", path: `target/${id}.files.jsonl`, error: "EIO" },
                    { call: "unlink", path: `target/${id}/a/*`, error: "EIO" },
                ),
            mend: () => mount.fail(),
            status: failed,
            says: /EIO.*fsync.*files\.jsonl/,
        });
    });
});

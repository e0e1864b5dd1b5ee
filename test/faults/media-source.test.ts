import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
    existsSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    renameSync,
    rmSync,
    statSync,
    symlinkSync,
    unlinkSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesVersion, storeFiles, storeOwn } from "../../contract/files";
import { isRoot } from "../media/places";
import { sweep } from "../sweep";
import { type MediaStage, makeScene, openReplicaStage, openStoreStage } from "./media-stage";
import { whole } from "./seed";

/** What a run of the agent ends with. */
const [done, failed, refused] = [0, 1, 3] as const;

/** Milliseconds that a run takes at most before it is killed. */
const longest = 800;

/**
 * A program that writes to production while a run reads it, and has begun to.
 *
 * @returns ends it, and waits until it has
 */
async function writing(script: string, ...args: string[]): Promise<() => Promise<unknown>> {
    const prelude = `const fs = require("fs"); const [root, other] = process.argv.slice(1); process.stdout.write("begun");`;
    const child = spawn(process.execPath, ["-e", prelude + script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    return () => {
        child.kill("SIGKILL");
        return ended;
    };
}

describe.runIf(isRoot).each([
    { side: "a replica", open: openReplicaStage, half: false, scrap: "generations/00000000cc/half" },
    { side: "production's store", open: openStoreStage, half: true, scrap: join(storeOwn.incoming, "tree/half") },
] as const)("of $side, a run", ({ side, open, half, scrap }) => {
    let stage: MediaStage<{ media?: object }>;
    let source: string;
    beforeAll(async () => {
        stage = (await open(makeScene())) as typeof stage;
        ({ source } = stage);
    });
    afterAll(() => stage?.stop());

    sweep([1, 2, 3, 4, 5, 6].map((round) => whole(150, longest, side, `${round}`)))(
        "that is killed after %i ms leaves what is in use",
        (milliseconds) =>
            stage.suffered({
                fault: "4 the agent is killed (kill -9)",
                step: `${side}: after ${milliseconds} ms`,
                started: (child) => setTimeout(() => child.kill("SIGKILL"), milliseconds),
                status: "any",
                says: /^$|complete and proven|holds what production has/,
            }),
    );

    sweep<[fault: string, name: string, make: (path: string) => unknown, says: RegExp]>([
        [
            "16 an absolute link",
            "a/evil",
            (path) => symlinkSync("/etc/passwd", path),
            /"a\/evil" .* leads out of the tree/,
        ],
        [
            "16 a link up and out",
            "a/b/evil",
            (path) => symlinkSync("../../../target", path),
            /"a\/b\/evil" .* leads out/,
        ],
        ["16 a named pipe", "a/pipe", (path) => execFileSync("mkfifo", [path]), /"a\/pipe" .* is a named pipe/],
        ["16 a device", "disk", (path) => execFileSync("mknod", [path, "b", "7", "200"]), /"disk" .* is a device/],
    ])("refuses %s", (fault, name, make, says) =>
        stage.suffered({
            fault,
            step: `${side}: in production's files`,
            inject: () => make(join(source, name)),
            mend: () => rmSync(join(source, name), { force: true }),
            status: refused,
            says,
        }),
    );

    test("refuses what it writes as what it reads, by any name", () =>
        stage.suffered(
            {
                fault: "14 the source is the target",
                step: `${side}: by a link`,
                inject: () => symlinkSync(stage.target, join(stage.folder, "alias")),
                mend: () => rmSync(join(stage.folder, "alias"), { force: true }),
                status: refused,
                says: /are the same folder|it is a replica's volume/,
            },
            (plan) => Object.assign(plan.media ?? {}, { source: join(stage.folder, "alias") }),
        ));

    test("refuses a source that is not mounted", () => {
        const isMounted = () => statSync(source).dev !== statSync(stage.folder).dev;
        return stage.suffered({
            fault: "20 an empty source",
            step: `${side}: another disk where production's was`,
            inject: () => execFileSync("mount", ["-t", "tmpfs", "understudy", source]),
            mend: () => isMounted() && execFileSync("umount", [source]),
            status: refused,
            says: /source holds 0 files, and media\.minimumFiles is 1/,
        });
    });

    test("refuses a source that lacks a large part", () =>
        stage.suffered(
            {
                fault: "20 half of the source is gone",
                step: `${side}: a folder was moved away`,
                inject: () => renameSync(join(source, "a"), join(stage.folder, "agent/a")),
                mend: () =>
                    existsSync(join(stage.folder, "agent/a")) &&
                    renameSync(join(stage.folder, "agent/a"), join(source, "a")),
                status: refused,
                says: /lacks \d+ of the \d+ files .* media\.maximumDeletions is 20 %/,
            },
            (plan) => Object.assign(plan.media ?? {}, { maximumDeletions: 20 }),
        ));

    // What production has itself, nobody knows better.
    if (side === "a replica") {
        test("makes no copy of contents that have rotted", () =>
            stage.suffered({
                fault: "2 another content",
                step: `${side}: than production's manifest names`,
                inject() {
                    const { size, mtimeMs: mtime } = statSync(join(source, "new/n8"));
                    const lines = [
                        { manifest: "files", version: filesVersion },
                        { path: "new/n8", kind: "file", size, mtime, sha256: "0".repeat(64) },
                    ];
                    writeFileSync(join(source, storeFiles), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
                },
                mend: () => rmSync(join(source, storeFiles), { force: true }),
                status: failed,
                says: /The content of "new\/n8" is not what production's file manifest names/,
            }));
    }

    test("does not count as proven when a program that it needs is missing", () =>
        stage.suffered({
            fault: "27 a program is missing",
            step: `${side}: sync`,
            env: { PATH: join(stage.folder, "outside") },
            status: failed,
            says: /sync ENOENT/,
            half,
        }));

    test("ends when its own disk is full", () => {
        const own = join(stage.folder, "own");
        return stage.suffered({
            fault: "3 the agent's disk is full",
            step: `${side}: lists of files`,
            inject() {
                mkdirSync(own);
                execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "understudy", own]);
                execFileSync("sh", ["-c", `cat /dev/zero > ${own}/ballast || true`], { stdio: "ignore" });
            },
            mend() {
                if (existsSync(own)) {
                    execFileSync("umount", [own]);
                    rmSync(own, { recursive: true });
                }
            },
            env: { TMPDIR: own },
            status: failed,
            says: /ENOSPC|does not fit/,
        });
    });

    test("recognises what a former run has left", () =>
        stage.suffered({
            fault: "26 half of a former run",
            step: `${side}: ${scrap}`,
            inject: () => mkdirSync(join(stage.target, scrap), { recursive: true }),
            status: done,
            says: /\S/,
        }));

    // On a busy machine the writer may have no turn for as long as the file is read, which then is of one moment.
    test("that reads what does not stop changing ends, or has it of one moment", () => {
        let end: (() => Promise<unknown>) | undefined;
        return stage.suffered({
            fault: "19 a file that keeps changing",
            step: `${side}: while it is copied`,
            async inject() {
                end = await writing(
                    `const file = fs.openSync(root + "/new/large", "r+"); for (;;) fs.writeSync(file, "x");`,
                    source,
                );
            },
            mend: () => end?.(),
            status: "any",
            says: /"new\/large" of the media source changed each of the 5 times|complete and proven|holds what production has/,
            busy: true,
        });
    });

    test("that reads what is replaced and removed has each file of one moment, or ends", () => {
        let end: (() => Promise<unknown>) | undefined;
        return stage.suffered({
            fault: "19 files that are replaced",
            step: `${side}: while they are copied`,
            async inject() {
                end = await writing(
                    `for (let n = 0; ; n++) { const path = root + "/new/deep/n" + (n % 20 * 2 + 1);
                        fs.writeFileSync(other, String(n % 10).repeat(40_000)); fs.renameSync(other, path);
                        fs.rmSync(root + "/new/many/" + String(n % 800).repeat(20), { force: true }); }`,
                    ...[source, join(stage.folder, "agent/next")],
                );
            },
            async mend() {
                await end?.();
                const torn = filesBelow(stage.target, /^n\d+$/).filter(
                    (text) => /^(\d)\1*$/.test(text.slice(0, 100)) && !/^(\d)\1{39999}$/.test(text),
                );
                expect(torn).toEqual([]);
            },
            status: "any",
            says: /complete and proven|holds what production has|changed each of|became something else|cannot be read/,
            busy: true,
        });
    });

    sweep([1, 2, 3])("brings nothing from outside, whatever becomes a link in the race (%i)", (round) => {
        const folder = join(source, "new/deep");
        let end: (() => Promise<unknown>) | undefined;
        return stage.suffered({
            fault: "16 a folder becomes a link",
            step: `${side}: again and again, round ${round}`,
            async inject() {
                end = await writing(
                    `for (;;) { fs.renameSync(root, root + ".was"); fs.symlinkSync(other, root); fs.unlinkSync(root); fs.renameSync(root + ".was", root); }`,
                    ...[folder, join(stage.folder, "outside")],
                );
            },
            async mend() {
                await end?.();
                if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) {
                    unlinkSync(folder);
                }
                if (existsSync(`${folder}.was`)) {
                    renameSync(`${folder}.was`, folder);
                }
                expect(filesBelow(stage.target, /^secret$/)).toEqual([]);
            },
            status: "any",
            says: /\S/,
            busy: true,
        });
    });
});

/** Contents of the files below a folder that are called so. */
function filesBelow(folder: string, name: RegExp): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && name.test(entry.name))
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
}

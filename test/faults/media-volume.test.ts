import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { storeOwn } from "../../contract/files";
import { isRoot } from "../media/places";
import { type MediaStage, makeScene, openReplicaStage, openStoreStage, type Scene } from "./media-stage";

const megabytes = 96;

/** A disk of its own under a stage's volume or store. */
interface Disk {
    /** Takes all the room that is left. */
    fill(): void;
    /** Takes all files that it can still hold, but so many. */
    fillBut(files: number): void;
    empty(): void;
    /** Lets the file system find an error in itself, as of a bad disk: from then on it can only be read. */
    break(): void;
    repair(): void;
    unmount(): void;
}

function makeDisk({ folder, real }: Scene): Disk {
    const [image, point] = [join(folder, "disk"), join(real, "target")];
    const [ballast, crowd] = [join(point, "lost+found/ballast"), join(point, "lost+found/crowd")];
    const mount = () => execFileSync("mount", ["-o", "loop,errors=remount-ro", image, point]);
    const unmount = () => execFileSync("umount", [point]);
    execFileSync("truncate", ["-s", `${megabytes}M`, image]);
    execFileSync("mkfs.ext4", ["-q", "-m", "0", "-N", "4096", image]);
    mount();
    return {
        fill: () => execFileSync("sh", ["-c", `cat /dev/zero > ${ballast} || true`], { stdio: "ignore" }),
        fillBut(files) {
            mkdirSync(crowd);
            for (let n = statfsSync(point).ffree; n > files; n--) {
                writeFileSync(join(crowd, `${n}`), "");
            }
        },
        empty() {
            for (const path of [ballast, crowd]) {
                rmSync(path, { recursive: true, force: true });
            }
        },
        break() {
            // What was not written down yet would be lost, the end of the test before this one too.
            execFileSync("sync", ["-f", point]);
            const device = execFileSync("findmnt", ["-no", "SOURCE", point], { encoding: "utf8" }).trim();
            writeFileSync(join("/sys/fs/ext4", basename(device), "trigger_fs_error"), "1");
        },
        repair() {
            unmount();
            // It ends with 1 when it has mended something.
            execFileSync("sh", ["-c", `e2fsck -fy ${image} || [ $? = 1 ]`], { stdio: "ignore" });
            mount();
        },
        unmount,
    };
}

/** Stops a run for a moment as soon as something holds. */
function stopWhen(child: ChildProcess, holds: () => boolean, work: () => void): void {
    const looking = setInterval(() => {
        if (holds()) {
            clearInterval(looking);
            child.kill("SIGSTOP");
            try {
                work();
            } finally {
                child.kill("SIGCONT");
            }
        }
    }, 1);
    child.once("exit", () => clearInterval(looking));
}

describe.runIf(isRoot).each([
    {
        side: "a replica's volume",
        open: openReplicaStage,
        full: /media volume .*target is full: raise media\.volume/,
        broken: /EROFS: read-only file system, .*generations/,
        /** Whether a run is copying. */
        isAtIt: (target: string) =>
            readdirSync(join(target, "generations")).some(
                (id) => id !== "0000000001" && existsSync(join(target, "generations", id, "new/many")),
            ),
    },
    {
        side: "production's store",
        open: openStoreStage,
        full: /media store .*target is full: make its volume larger/,
        broken: /media store .*target cannot be written to \(EROFS: read-only file system, .*incoming/,
        isAtIt: (target: string) => existsSync(join(target, storeOwn.incoming, "tree/new/many")),
    },
] as const)("on $side, a disk", ({ side, open, full, broken, isAtIt }) => {
    let disk: Disk;
    let stage: MediaStage<never>;
    beforeAll(async () => {
        const scene = makeScene();
        disk = makeDisk(scene);
        stage = (await open(scene)) as MediaStage<never>;
    });
    afterAll(() => {
        disk?.unmount();
        stage?.stop();
    });

    test("that is full has no run begin", () =>
        stage.suffered({
            fault: "3 the disk is full",
            step: `${side}, before the run`,
            inject: disk.fill,
            mend: disk.empty,
            status: 3,
            says: /is too small: [\d.]+ MiB are needed for what is new/,
        }));

    test("that can hold too few files has no run begin", () =>
        stage.suffered({
            fault: "3 the disk can hold no more files",
            step: `${side}, before the run`,
            inject: () => disk.fillBut(500),
            mend: disk.empty,
            status: 3,
            // Of the replica's volume one is the lease.
            says: /can hold (499|500) more files, and \d+ are needed for what is new/,
        }));

    test("that fills up meanwhile ends a run", () =>
        stage.suffered({
            fault: "3 the disk is full",
            step: `${side}, while files are copied`,
            started: (child) => stopWhen(child, () => isAtIt(stage.target), disk.fill),
            mend: disk.empty,
            status: 1,
            says: full,
        }));

    test("that can only be read from some moment on ends a run", () =>
        stage.suffered({
            fault: "3 the disk breaks (EROFS)",
            step: `${side}, while files are copied`,
            started: (child) => stopWhen(child, () => isAtIt(stage.target), disk.break),
            mend: disk.repair,
            status: 1,
            says: broken,
        }));
});

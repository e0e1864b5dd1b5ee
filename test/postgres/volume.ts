import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../dev/command";
import { installPackages } from "../../dev/packages";

/** A file system of its own, in which files can share blocks. */
export interface Volume {
    /** Its root. */
    folder: string;
    /** Bytes that are taken on it. */
    used(): Promise<number>;
    remove(): Promise<void>;
}

/**
 * Makes an XFS on a loop device, with its blocks in a file under the temporary folder; only what is written takes room.
 *
 * @param bytes its size
 * @throws {Error} where that cannot be done, as without root
 */
export async function makeVolume(bytes: number): Promise<Volume> {
    await installPackages(["xfsprogs"]);
    const parent = mkdtempSync(join(tmpdir(), "understudy-volume-"));
    const [image, folder] = [join(parent, "image"), join(parent, "volume")];
    try {
        mkdirSync(folder);
        // Servers are other users.
        await run("chmod", ["755", parent]);
        await run("truncate", [`--size=${bytes}`, image]);
        await run("mkfs.xfs", ["-q", "-m", "reflink=1", image]);
        await run("mount", ["-o", "loop", image, folder]);
    } catch (error) {
        rmSync(parent, { recursive: true });
        throw error;
    }
    return {
        folder,
        async used() {
            await run("sync", ["--file-system", folder]);
            const { blocks, bfree, bsize } = statfsSync(folder);
            return (blocks - bfree) * bsize;
        },
        async remove() {
            await run("umount", [folder]);
            rmSync(parent, { recursive: true });
        },
    };
}

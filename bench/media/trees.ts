import { createCipheriv, hash } from "node:crypto";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { hashOf, once } from "../../dev/cache";
import { step } from "../../dev/step";

/** A tree's size. */
export interface Shape {
    files: number;
    /** Bytes of a file on average: most are smaller, and one in a hundred is forty times as large. */
    mean: number;
}

/** Files of a folder. */
const inFolder = 25;

/**
 * Two trees that follow from their shape alone, made once: `first`, and `next`, in which of every three hundred files one
 * has another content, one is lacking and one is new.
 *
 * @returns the folder with both
 */
export function makeTrees({ files, mean }: Shape): Promise<string> {
    const name = `media-${files}-${mean}`;
    return once(name, hashOf(files, mean), (folder) =>
        step(`make trees of ${files} files`, async () => {
            for (const edition of ["first", "next"] as const) {
                const folders = new Set<string>();
                for (let file = 0; file < files; file++) {
                    // A signal to stop gets its turn.
                    await setImmediate();
                    writeOne(join(folder, edition), file, mean, edition, folders);
                }
                setTimes(folders);
            }
        }),
    );
}

function writeOne(root: string, file: number, mean: number, edition: "first" | "next", folders: Set<string>): void {
    const turn = edition === "next" ? file % 300 : -1;
    if (turn === 100) {
        return;
    }
    const path = pathOf(root, file);
    for (let folder = dirname(path); !folders.has(folder) && folder.length >= root.length; folder = dirname(folder)) {
        folders.add(folder);
    }
    mkdirSync(dirname(path), { recursive: true });
    write(path, file, mean, turn === 0 ? "changed" : "");
    if (turn === 200) {
        write(`${path}.new`, file, mean, "new");
    }
}

function pathOf(root: string, file: number): string {
    const folder = Math.floor(file / inFolder);
    return join(root, `part-${Math.floor(folder / 20)}`, `set-${folder % 20}`, `file-${file}.dat`);
}

/** Whole seconds, since SFTP knows no others. */
const epoch = 1_600_000_000;

function write(path: string, file: number, mean: number, edition: string): void {
    const seed = hash("sha256", `${file} ${edition}`, "buffer");
    const share = seed.readUInt32LE(0) / 2 ** 32;
    const size = Math.floor(file % 100 === 0 ? 40 * mean : 1.2 * share * mean);
    const content = createCipheriv("aes-128-ctr", seed.subarray(0, 16), seed.subarray(16)).update(Buffer.alloc(size));
    writeFileSync(path, content, { mode: 0o644 });
    const time = epoch + 61 * file + (edition === "" ? 0 : 30);
    utimesSync(path, time, time);
}

function setTimes(folders: Set<string>): void {
    for (const folder of folders) {
        utimesSync(folder, epoch, epoch);
    }
}

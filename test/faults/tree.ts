import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settle } from "../media/places";
import { share } from "./seed";

/** Bytes of the large files: several pieces each. */
export const large = 5_000_000;

/** Files of a folder that is read in several pieces. */
export const many = 800;

/** Production's files as they are on one day. */
export function dayOne(root: string): void {
    for (const folder of ["a/b", "empty", "old"]) {
        mkdirSync(join(root, folder), { recursive: true });
    }
    for (let n = 0; n < 60; n++) {
        write(join(root, n % 2 === 0 ? "a" : "a/b", `f${n}`), 100 + n * 50);
    }
    write(join(root, "old/large"), large);
    write(join(root, "old/gone"), 10);
    for (const name of [Buffer.from([0xff, 0x0a]), ...["-rf", "é", "e\u0301", "E\u0301", "x".repeat(255), " $(id) "]]) {
        writeFileSync(Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from(name)]), name);
    }
    symlinkSync("a/f0", join(root, "link"));
    linkSync(join(root, "a/f2"), join(root, "a/b/twin"));
    settle(root);
}

/** And on the next: some are new, some are others under the same name, one is gone. */
export function dayTwo(root: string): void {
    mkdirSync(join(root, "new/deep"), { recursive: true });
    for (let n = 0; n < 40; n++) {
        write(join(root, n % 2 === 0 ? "new" : "new/deep", `n${n}`), 1000 + n * 900);
        write(join(root, n % 2 === 0 ? "a" : "a/b", `f${n % 10}`), 7000 + n);
    }
    write(join(root, "new/large"), large);
    mkdirSync(join(root, "new/many"));
    for (let n = 0; n < many; n++) {
        writeFileSync(join(root, "new/many", `${n}`.repeat(20)), "");
    }
    linkSync(join(root, "new/n2"), join(root, "new/deep/twin"));
    symlinkSync("deep", join(root, "new/link"));
    rmSync(join(root, "old/gone"));
    settle(root);
}

/** Writes content that is another in each file, and for each seed. */
function write(path: string, size: number): void {
    const content = Buffer.alloc(size);
    for (let at = 0, word = Math.floor(share(path.slice(-20), `${size}`) * 2 ** 32); at + 4 <= size; at += 4) {
        word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
        content.writeUInt32LE(word, at);
    }
    writeFileSync(path, content);
}

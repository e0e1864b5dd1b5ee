import { execFileSync, spawn } from "node:child_process";
import {
    chmodSync,
    linkSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    renameSync,
    rmSync,
    statSync,
    symlinkSync,
    truncateSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Buffers } from "../../agent/media/buffers";
import { copyFile } from "../../agent/media/file";
import { Folders } from "../../agent/media/folders";
import { leftOut, readTree, type TreeRules } from "../../agent/media/tree";
import { removeMediaGeneration } from "../../agent/media/volume";
import type { MediaPlan } from "../../contract";
import { digest, isRoot, never, settle } from "./places";
import { at, eachInPlaces, first, places, prepare, second, source, volume } from "./stage";

eachInPlaces();

describe("a copy", () => {
    test("has the folders' and links' times, and programs stay programs without special rights", async () => {
        writeFileSync(join(source, "run"), "#!/bin/sh");
        chmodSync(join(source, "run"), 0o4755);
        symlinkSync("run", join(source, "link"));
        utimesSync(join(source, "a/b"), 1_500_000_000, 1_500_000_000);
        utimesSync(join(source, "empty"), 1_400_000_000, 1_400_000_000);
        execFileSync("touch", ["-h", "-d", "@1300000000", join(source, "link")]);
        await prepare(first);
        expect(statSync(at(first, "run")).mode & 0o7777).toBe(0o755);
        expect(
            [at(first, "a/b"), at(first, "empty"), at(first, "link")].map((path) => lstatSync(path).mtimeMs),
        ).toEqual([1.5e12, 1.4e12, 1.3e12]);
    });

    test("has names of one file as names of one file, also beside a former copy", async () => {
        linkSync(join(source, "picture.jpg"), join(source, "a/again"));
        linkSync(join(source, "picture.jpg"), join(source, "a/b/and-again"));
        for (const id of [first, second]) {
            await prepare(id);
            const inodes = ["picture.jpg", "a/again", "a/b/and-again"].map((path) => statSync(at(id, path)).ino);
            expect(new Set(inodes).size).toBe(1);
        }
    });

    test("keeps the holes of a file, and what is between them", async () => {
        const path = join(source, "holes");
        writeFileSync(path, "begin");
        truncateSync(path, 50_000_000);
        writeFileSync(path, "end", { flag: "a" });
        await prepare(first);
        expect(statSync(at(first, "holes")).size).toBe(50_000_003);
        expect(statSync(at(first, "holes")).blocks).toBeLessThan(100);
        expect(readFileSync(at(first, "holes")).equals(readFileSync(path))).toBe(true);
    });

    test("has a large file's every piece", async () => {
        const content = Buffer.alloc(70_000_001);
        for (let at = 0; at < content.length; at += 1000) {
            content.writeUInt32LE(at, Math.min(at, content.length - 4));
        }
        writeFileSync(join(source, "large"), content);
        await prepare(first);
        expect(readFileSync(at(first, "large")).equals(content)).toBe(true);
    });

    test("goes deeper than the system takes a path at once, and can be shared and removed", async () => {
        const name = "d".repeat(250);
        const script = `import os\nos.chdir(${JSON.stringify(source)})\nfor n in range(40):\n os.mkdir("${name}")\n os.chdir("${name}")\nopen("bottom", "w").write("deep")`;
        execFileSync("python3", ["-c", script]);
        expect(await prepare(first)).toContain("4 files");
        expect(await prepare(second)).toContain("4 of them unchanged");
        const reading = `import os\nos.chdir(${JSON.stringify(at(second))})\nfor n in range(40):\n os.chdir("${name}")\nprint(open("bottom").read(), end="")`;
        expect(execFileSync("python3", ["-c", reading], { encoding: "utf8" })).toBe("deep");
        await removeMediaGeneration(volume, first);
        expect(readdirSync(join(volume, "generations")).some((entry) => entry.startsWith(first))).toBe(false);
    });

    test("lacks what is excluded, and nothing else", async () => {
        mkdirSync(join(source, "cache/deep"), { recursive: true });
        writeFileSync(join(source, "cache/deep/thing"), "x");
        execFileSync("mkfifo", [join(source, "cache/pipe")]);
        writeFileSync(join(source, "a/b/part.tmp"), "x");
        writeFileSync(join(source, ".tmp"), "x");
        await prepare(first, (media) => {
            media.exclude = ["cache", "**/*.tmp"];
        });
        for (const path of ["lost+found", "cache", "a/b/part.tmp", ".tmp"]) {
            rmSync(join(source, path), { recursive: true });
        }
        settle(source);
        settle(at(first));
        expect(digest(at(first))).toBe(digest(source));
    });

    test("keeps links that lead out if it is told to, and follows none", async () => {
        symlinkSync("/etc", join(source, "etc"));
        await prepare(first, (media) => {
            media.links = "keep";
        });
        expect(readlinkSync(at(first, "etc"))).toBe("/etc");
    });
});

describe("a folder that becomes a link in the race", () => {
    test("leads nobody out of the tree", async () => {
        const outside = join(places.folder, "outside");
        mkdirSync(outside);
        writeFileSync(join(outside, "secret"), "secret");
        mkdirSync(join(source, "swap"));
        writeFileSync(join(source, "swap/secret"), "public");
        const tree = new Folders(source);
        await tree.in("", () => undefined);
        renameSync(join(source, "swap"), join(source, "was"));
        symlinkSync(outside, join(source, "swap"));
        await expect(tree.at("swap/secret", (path) => readFileSync(path, "utf8"))).rejects.toThrow("ENOTDIR");
        await tree.close();
    });

    test("as a file that becomes one leads to nothing outside", async () => {
        writeFileSync(join(places.folder, "secret"), "secret");
        rmSync(join(source, "a/b/note"));
        symlinkSync("../../../secret", join(source, "a/b/note"));
        const [from, to] = [new Folders(source), new Folders(volume)];
        const copier = { from, to, buffers: new Buffers(), cloning: false, moved: () => undefined, signal: never };
        await expect(copyFile("a/b/note", 0o644, copier, 1)).rejects.toThrow("became something else");
        await Promise.all([from.close(), to.close()]);
    });

    test("at random moments never brings what is outside into a copy", async () => {
        const outside = join(places.folder, "outside");
        mkdirSync(outside);
        for (let n = 0; n < 40; n++) {
            mkdirSync(join(source, `swap${n}`));
            for (const folder of [join(source, `swap${n}`), outside]) {
                writeFileSync(join(folder, `f${n}`), folder === outside ? "secret" : "public");
            }
        }
        const script = `const fs = require("fs"); const [root, outside] = process.argv.slice(1);
            for (;;) for (let n = 0; n < 40; n++) { const path = root + "/swap" + n;
                fs.renameSync(path, path + ".was"); fs.symlinkSync(outside, path); fs.unlinkSync(path); fs.renameSync(path + ".was", path); }`;
        const swapping = spawn(process.execPath, ["-e", script, source, outside], { stdio: "inherit" });
        const rounds = 8;
        const outcomes: string[] = [];
        try {
            for (let round = 0; round < rounds; round++) {
                const id = `00000000${(10 + round).toString(16).padStart(2, "0")}`;
                const change = (media: MediaPlan) => {
                    media.links = "keep";
                };
                outcomes.push(await prepare(id, change).catch((error: Error) => error.message));
            }
        } finally {
            swapping.kill("SIGKILL");
        }
        const copies = readdirSync(join(volume, "generations"), { recursive: true, withFileTypes: true });
        const contents = copies
            .filter((entry) => entry.isFile() && /^f\d+$/.test(entry.name))
            .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
        expect(contents).not.toContain("secret");
        expect(outcomes).toHaveLength(rounds);
    });
});

test.runIf(isRoot)("a device is refused by name, unless it is excluded", async () => {
    execFileSync("mknod", [join(source, "disk"), "b", "7", "200"]);
    await expect(prepare(first)).rejects.toThrow('"disk" of the media source');
    await prepare(first, (media) => {
        media.exclude = ["disk"];
    });
});

test("the replica's own volume within the tree is named", async () => {
    const { dev, ino } = lstatSync(join(source, "empty"));
    const objections: unknown[] = [];
    const tree = new Folders(source);
    const rules: TreeRules = { exclude: [], links: "refuse", forbidden: `${dev}:${ino}`, apart: [] };
    await readTree(
        tree,
        rules,
        () => undefined,
        (one) => objections.push(one),
        never,
    );
    await tree.close();
    expect(objections).toEqual([{ path: "empty", reason: "is the replica's own volume" }]);
});

test.each([
    ["cache", "cache", true],
    ["cache", "a/cache", false],
    ["**/cache", "a/cache", true],
    ["**/*.tmp", ".hidden.tmp", true],
    ["caf\u00e9/*", Buffer.from("café/x").toString("latin1"), true],
])("the glob %s matches %s: %s", (glob, path, expected) => {
    expect(leftOut([glob])(path)).toBe(expected);
});

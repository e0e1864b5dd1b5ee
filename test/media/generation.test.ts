import { execFileSync } from "node:child_process";
import {
    appendFileSync,
    chmodSync,
    closeSync,
    existsSync,
    linkSync,
    lutimesSync,
    openSync,
    readdirSync,
    readFileSync,
    rmSync,
    statfsSync,
    statSync,
    symlinkSync,
    utimesSync,
    writeFileSync,
    writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { prepareMedia } from "../../agent/media/generation";
import { retireMedia } from "../../agent/media/retire";
import { generationMarker, volumeMarker } from "../../contract";
import { mediaReport } from "../../contract/report";
import { digest, isRoot, never, planFor, settle, stack } from "./places";
import { at, eachInPlaces, first, places, prepare, second, source, volume } from "./stage";

eachInPlaces();

describe("a generation", () => {
    test("has every file, empty folder and time of the source, and a marker that says so", async () => {
        settle(source);
        expect(await prepare(first)).toContain("3 files, 97.7 KiB, 0 of them unchanged and shared");
        rmSync(join(source, "lost+found"), { recursive: true });
        expect(digest(at(first))).toBe(digest(source));
        const marker = JSON.parse(readFileSync(join(volume, generationMarker(first)), "utf8"));
        expect(mediaReport.parse(marker)).toMatchObject({ generation: first, files: 3, bytes: 100_006, linked: 0 });
        expect(JSON.parse(readFileSync(join(volume, volumeMarker), "utf8"))).toEqual({ stack });
    });

    test("can be read and added to by the group, and no file edited by it", async () => {
        await prepare(first);
        expect(statSync(at(first)).mode & 0o7777).toBe(0o2775);
        expect(statSync(at(first, "a/b")).mode & 0o7777).toBe(0o2775);
        expect(statSync(at(first, "a/b/note")).mode & 0o7777).toBe(0o644);
    });

    test.runIf(isRoot)("belongs to the plan's group", async () => {
        await prepare(first, (media) => {
            media.group = 10001;
        });
        expect([at(first), at(first, "empty"), at(first, "a/zero")].map((path) => statSync(path).gid)).toEqual([
            10001, 10001, 10001,
        ]);
    });

    test("is not made twice", async () => {
        await prepare(first);
        const before = digest(volume);
        writeFileSync(join(source, "new"), "new");
        expect(await prepare(first)).toContain("already there: nothing to do");
        expect(digest(volume)).toBe(before);
    });

    test("shares unchanged files with the former one, and only those", async () => {
        await prepare(first);
        const before = digest(at(first));
        appendFileSync(join(source, "a/zero"), "now");
        writeFileSync(join(source, "added"), "added");
        rmSync(join(source, "a/b/note"));
        settle(source);
        expect(await prepare(second)).toContain("1 of them unchanged and shared");
        expect(statSync(at(second, "picture.jpg")).ino).toBe(statSync(at(first, "picture.jpg")).ino);
        expect(statSync(at(second, "a/zero")).ino).not.toBe(statSync(at(first, "a/zero")).ino);
        rmSync(join(source, "lost+found"), { recursive: true });
        expect(digest(at(second))).toBe(digest(source));
        expect(digest(at(first))).toBe(before);
    });

    test("does not share what changed and kept its size, nor what has the same time and another size", async () => {
        await prepare(first);
        writeFileSync(join(source, "a/b/note"), "A NOTE");
        const { mtime } = statSync(join(source, "picture.jpg"));
        appendFileSync(join(source, "picture.jpg"), "!");
        utimesSync(join(source, "picture.jpg"), mtime, mtime);
        await prepare(second);
        expect(readFileSync(at(second, "a/b/note"), "utf8")).toBe("A NOTE");
        expect(statSync(at(second, "picture.jpg")).size).toBe(100_001);
        expect(readFileSync(at(first, "a/b/note"), "utf8")).toBe("a note");
    });

    test.runIf(isRoot)("does not share what the application has put in a file's place", async () => {
        settle(source);
        await prepare(first);
        const { mtime } = statSync(at(first, "a/b/note"));
        execFileSync("chown", ["12345", at(first, "a/b/note")]);
        chmodSync(at(first, "a/b/note"), 0o644);
        writeFileSync(at(first, "a/b/note"), "forged");
        utimesSync(at(first, "a/b/note"), mtime, mtime);
        await prepare(second);
        expect(readFileSync(at(second, "a/b/note"), "utf8")).toBe("a note");
    });

    test("keeps names that are no text, links within the tree and what they lead to", async () => {
        const odd = [
            Buffer.from([0xff, 0xfe, 0x41]),
            Buffer.from("line\nbreak"),
            Buffer.from("-rf"),
            Buffer.from("é"),
            Buffer.from("e\u0301"),
            Buffer.from("x".repeat(255)),
            Buffer.from(" $(touch pwned) "),
        ];
        for (const name of odd) {
            writeFileSync(Buffer.concat([Buffer.from(`${source}/`), name]), name);
        }
        symlinkSync("../picture.jpg", join(source, "a/link"));
        symlinkSync("b", join(source, "a/folder-link"));
        symlinkSync("nowhere", join(source, "dangling"));
        linkSync(join(source, "picture.jpg"), join(source, "hard"));
        settle(source);
        await prepare(first);
        rmSync(join(source, "lost+found"), { recursive: true });
        expect(digest(at(first))).toBe(digest(source));
    });

    test("that was left unfinished is made anew", async () => {
        await prepare(first);
        rmSync(join(volume, generationMarker(first)));
        writeFileSync(at(first, "half"), "half of a file");
        await prepare(first);
        expect(existsSync(at(first, "half"))).toBe(false);
        expect(existsSync(join(volume, generationMarker(first)))).toBe(true);
    });

    test("goes on when production removes a file meanwhile, and says so", async () => {
        for (let n = 0; n < 3000; n++) {
            writeFileSync(join(source, `f${n}`), "x");
        }
        const running = prepare(first);
        while (!existsSync(at(first, "f0"))) {
            await sleep(1);
        }
        for (let n = 2999; n > 0; n--) {
            rmSync(join(source, `f${n}`));
        }
        expect(await running).toMatch(/[\d,]+ files? vanished from the source meanwhile/);
    });

    test("of a file that does not stop changing is not made", async () => {
        const path = join(source, "busy");
        writeFileSync(path, Buffer.alloc(20_000_000));
        const file = openSync(path, "r+");
        let ended = false;
        const writing = (async () => {
            while (!ended) {
                writeSync(file, "x");
                await sleep(0);
            }
        })();
        await expect(prepare(first)).rejects.toThrow('"busy" of the media source changed each of the 5 times');
        ended = true;
        await writing;
        closeSync(file);
        expect(existsSync(at(first))).toBe(false);
    });

    test("that fails with keepFailed leaves what was copied, incomplete, and the next run makes it whole", async () => {
        for (let n = 0; n < 2000; n++) {
            writeFileSync(join(source, `f${n}`), "x");
        }
        const stop = new AbortController();
        const running = prepareMedia({ ...planFor(places, first), keepFailed: true }, stop.signal);
        while (!existsSync(at(first, "f0"))) {
            await sleep(1);
        }
        stop.abort(new Error("enough"));
        await expect(running).rejects.toThrow("Folder generations/00000000aa is kept as it is until the next run.");
        expect(existsSync(at(first, "f0"))).toBe(true);
        expect(existsSync(join(volume, generationMarker(first)))).toBe(false);
        expect(await prepare(first)).toContain("2,003 files");
    });

    test("of a run that is stopped goes away", async () => {
        for (let n = 0; n < 2000; n++) {
            writeFileSync(join(source, `f${n}`), "x");
        }
        const stop = new AbortController();
        const running = prepare(first, undefined, stop.signal);
        while (!existsSync(at(first, "f0"))) {
            await sleep(1);
        }
        stop.abort(new Error("stopped"));
        await expect(running).rejects.toThrow("stopped");
        expect(existsSync(at(first))).toBe(false);
        expect(existsSync(join(volume, generationMarker(first)))).toBe(false);
    });
});

test.runIf(isRoot)("a volume without room is refused before anything is copied", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", volume]);
    try {
        await expect(prepare(first)).rejects.toThrow(/is too small: 16.1 MiB are needed .* 60.0 KiB are free: raise/);
        expect(readdirSync(volume)).toEqual([]);
    } finally {
        execFileSync("umount", [volume]);
    }
});

test.runIf(isRoot)("a volume that fills up meanwhile is said to be full, and what was made goes away", async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=100m", "tmpfs", volume]);
    try {
        for (let n = 0; n < 60; n++) {
            writeFileSync(join(source, `f${n}`), Buffer.alloc(1_000_000, n));
        }
        const running = prepare(first);
        while (!existsSync(at(first)) || readdirSync(at(first)).length === 0) {
            await sleep(1);
        }
        const room = statfsSync(volume);
        // More than is being written meanwhile, and less than is still to come.
        writeFileSync(join(volume, "generations/filler"), Buffer.alloc(room.bavail * room.bsize - 20_000_000));
        await expect(running).rejects.toThrow("is full: raise media.volume");
        expect(readdirSync(join(volume, "generations"))).toEqual(["filler"]);
    } finally {
        execFileSync("umount", [volume]);
    }
});

test("retire keeps the plan's generation and as many complete others as asked for", async () => {
    const ids = ["0000000001", "0000000002", "0000000003", "0000000004"];
    for (const [n, id] of ids.entries()) {
        await prepare(id);
        lutimesSync(join(volume, generationMarker(id)), 1000 + n, 1000 + n);
    }
    rmSync(join(volume, generationMarker("0000000002")));
    expect(await retireMedia(planFor(places, "0000000001"), never)).toEqual({
        removed: ["0000000003", "0000000002"],
        kept: [],
    });
    expect(readdirSync(join(volume, "generations"))).toEqual([
        "0000000001",
        "0000000001.files.jsonl",
        "0000000001.json",
        "0000000004",
        "0000000004.files.jsonl",
        "0000000004.json",
    ]);
    await expect(retireMedia(planFor(places, "0000000009"), never)).rejects.toThrow("is not complete");
});

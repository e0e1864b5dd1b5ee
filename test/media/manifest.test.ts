import { createHash } from "node:crypto";
import { chmodSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Refusal } from "../../agent/refusal";
import { generationFiles, generationMarker } from "../../contract";
import { storeFiles } from "../../contract/files";
import { mediaReport } from "../../contract/report";
import { manifestOf } from "./places";
import { at, eachInPlaces, first, prepare, second, source, volume } from "./stage";

eachInPlaces();
beforeEach(() => {
    rmSync(join(source, "lost+found"), { recursive: true });
});

function reportOf(id: string) {
    return mediaReport.parse(JSON.parse(readFileSync(join(volume, generationMarker(id)), "utf8")));
}

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Writes the manifest that production's side would write. */
function publish() {
    const names = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const lines = names
        .map(({ parentPath, name }) => join(parentPath, name))
        .filter((path) => !path.endsWith(storeFiles))
        .map((path) => {
            const { size, mtimeMs: mtime } = lstatSync(path);
            return { path: relative(source, path), kind: "file", size, mtime, sha256: sha256(path) };
        });
    const header = { manifest: "files", version: 1 };
    writeFileSync(join(source, storeFiles), [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** Changes a byte of a file, which keeps its size and its times. */
function corrupt(path: string) {
    const { atimeMs, mtimeMs } = statSync(path);
    const content = readFileSync(path);
    content[0] = (content[0] as number) ^ 1;
    writeFileSync(path, content);
    utimesSync(path, atimeMs / 1000, mtimeMs / 1000);
}

describe("a copy's file manifest", () => {
    test("names every entry with what it was in production, names of any bytes too", async () => {
        writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0x0a])]), "odd");
        writeFileSync(join(source, "line\u2028end é"), "x");
        chmodSync(join(source, "a/b/note"), 0o600);
        await prepare(first);
        const entries = manifestOf(join(volume, generationFiles(first)));
        const expected = ["a", "a/b", "a/b/note", "a/zero", "empty", "picture.jpg", "line\u2028end é", "0xff0a"];
        expect(Object.keys(entries).sort()).toEqual(expected.sort());
        expect(entries["a/b/note"]).toMatchObject({ kind: "file", size: 6, mode: 0o600, uid: process.getuid?.() });
        expect(entries["picture.jpg"]?.mtime).toBeCloseTo(1_600_000_000_123.456, 2);
        expect(await prepare(second)).toContain("5 of them unchanged");
    });
});

describe("contents", () => {
    test("are unknown without production's file manifest, and the report says so", async () => {
        await prepare(first);
        expect(reportOf(first)).toMatchObject({
            proof: ["kind, size, time, permissions and owner of 6 names"],
            unknown: ["contents: the media source has no file manifest"],
        });
    });

    test("of everything that is copied are compared with production's", async () => {
        publish();
        expect(await prepare(first)).toContain("3 files");
        expect(reportOf(first)).toMatchObject({ unknown: [] });
        expect(reportOf(first).proof).toContain("SHA-256 of 3 files by production's file manifest");
        expect(manifestOf(join(volume, generationFiles(first)))["a/b/note"]?.sha256).toBe(
            sha256(at(first, "a/b/note")),
        );
    });

    test("that differ from production's make no copy", async () => {
        publish();
        corrupt(join(source, "picture.jpg"));
        await expect(prepare(first)).rejects.toThrow(
            /The content of "picture.jpg" is not what production's file manifest/,
        );
        expect(readdirSync(join(volume, "generations"))).toEqual([]);
        expect(await prepare(first, (media) => Object.assign(media.verify, { copied: 0 }))).toContain("3 files");
    });

    test("of shared files are compared as far as is asked, and their hashes carried over", async () => {
        publish();
        await prepare(first);
        rmSync(join(source, storeFiles));
        await prepare(second, (media) => Object.assign(media.verify, { linked: 0 }));
        expect(manifestOf(join(volume, generationFiles(second)))["a/b/note"]?.sha256).toBe(
            sha256(at(first, "a/b/note")),
        );
        corrupt(at(second, "picture.jpg"));
        const third = "00000000cc";
        await expect(prepare(third, (media) => Object.assign(media.verify, { linked: 100 }))).rejects.toThrow(
            /The content of "picture.jpg" is not what the former copy's file manifest names/,
        );
        expect(await prepare(third, (media) => Object.assign(media.verify, { linked: 0 }))).toContain(
            "3 of them unchanged",
        );
    });

    test("of what has changed since production's manifest are unknown, and the report says how many", async () => {
        publish();
        writeFileSync(join(source, "a/b/note"), "another");
        writeFileSync(join(source, "new"), "new");
        await prepare(first);
        expect(reportOf(first).unknown).toEqual([
            "contents of 2 files that production's file manifest does not know, or not as they are",
        ]);
    });

    test.each([
        ["of another version", '{"manifest":"files","version":2}\n', "line 1 is none of version 1"],
        ["that is cut", '{"manifest":"files","version":1}\n{"path":"a', "line 2"],
    ])("production's file manifest %s is refused", async (_, text, expected) => {
        writeFileSync(join(source, storeFiles), text);
        const refusal = await prepare(first).catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(Refusal);
        expect((refusal as Refusal).message).toContain(expected);
        expect(readdirSync(volume)).toEqual(["lost+found"]);
    });
});

test("the report says whose the files are, and how many of the former ones are gone", async () => {
    await prepare(first);
    rmSync(join(source, "a/zero"));
    await prepare(second, (media) => {
        media.minimumFiles = 1;
    });
    expect(reportOf(second)).toMatchObject({ deletions: 1, linked: 2, cloned: 0, files: 2 });
    expect(reportOf(second).owners).toContain(`${process.getuid?.()}:${process.getgid?.()}`);
});

test("the report says so when nobody knows how many are gone", async () => {
    await prepare(first);
    rmSync(join(volume, generationFiles(first)));
    await prepare(second);
    expect(reportOf(second).deletions).toBeUndefined();
    expect(reportOf(second).unknown).toContain("deletions: the former copy's file manifest cannot be read");
});

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    linkSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    renameSync,
    rmSync,
    statSync,
    symlinkSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prepareMedia } from "../../agent/media/generation";
import { headerOf } from "../../agent/media/manifest";
import { Refusal } from "../../agent/refusal";
import { generationFolder, generationMarker, volumeMarker } from "../../contract";
import { editionsFile, editionsKept, mediaEdition } from "../../contract/editions";
import { filesHeader, storeFiles, storeOwn } from "../../contract/files";
import { entriesIn } from "../../contract/manifest";
import { mediaReport } from "../../contract/report";
import { digest, makePlaces, manifestOf, never, type Places, planFor, settle } from "./places";
import { publish, storeOf, told, verify, withCluster } from "./published";

withCluster();

let places: Places;
let source: string;
let store: string;

beforeEach(() => {
    places = makePlaces();
    ({ source } = places);
    store = storeOf(places);
    rmSync(join(source, "lost+found"), { recursive: true });
    for (let n = 0; n < 20; n++) {
        writeFileSync(join(source, `a/f${n}`), `content ${n}`);
    }
    settle(source);
});
afterEach(() => rmSync(places.folder, { recursive: true, force: true }));

const manifestPath = () => join(store, storeFiles);
const editionIn = (path: string) => filesHeader.parse(JSON.parse(readFileSync(path, "utf8").split("\n")[0] ?? ""));

/** The store's tree without what is not media. */
function tree(): string {
    const aside = join(places.folder, "aside");
    rmSync(aside, { recursive: true, force: true });
    execFileSync("cp", ["-a", store, aside]);
    rmSync(join(aside, storeFiles));
    rmSync(join(aside, storeOwn.editions));
    return digest(aside);
}

/** Changes a file's content behind everybody's back. */
function corrupt(path: string): void {
    const { mtimeMs } = statSync(path);
    const content = readFileSync(path);
    content[0] = (content[0] as number) ^ 1;
    writeFileSync(path, content);
    utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
}

async function refusal(change?: Parameters<typeof publish>[1]): Promise<string> {
    const error = await publish(places, change).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    return (error as Refusal).message;
}

describe("publishing the media", () => {
    test("makes the store what production has, as a plain tree with a manifest that knows every content", async () => {
        symlinkSync("b/note", join(source, "a/link"));
        linkSync(join(source, "picture.jpg"), join(source, "again.jpg"));
        const before = digest(source);
        expect(await publish(places)).toContain("24 files brought and 0 files removed");
        expect(tree()).toBe(before);
        expect(digest(source)).toBe(before);
        expect(
            readdirSync(store)
                .filter((name) => name.startsWith("."))
                .sort(),
        ).toEqual([storeOwn.editions, storeFiles]);
        const listed = manifestOf(manifestPath());
        for (const [path, { kind, sha256 }] of Object.entries(listed)) {
            const expected = createHash("sha256");
            expect(sha256, path).toBe(
                kind === "file" ? expected.update(readFileSync(join(source, path))).digest("hex") : undefined,
            );
        }
        expect(listed["a/b/note"]).toMatchObject({ mode: 0o600, ino: lstatSync(join(source, "a/b/note")).ino });
        expect(lstatSync(join(store, "a/b/note")).mode & 0o777).toBe(0o644);
        expect(lstatSync(join(store, "again.jpg")).nlink).toBe(2);
        expect(
            Math.abs(lstatSync(join(store, "empty")).mtimeMs - lstatSync(join(source, "empty")).mtimeMs),
        ).toBeLessThan(1);
    });

    test("brings what is new, changed or put in the place of another, and removes what is gone, last", async () => {
        await publish(places);
        writeFileSync(join(source, "a/f1"), "changed");
        writeFileSync(join(source, "new"), "new");
        const { mtimeMs } = statSync(join(source, "a/f2"));
        writeFileSync(join(source, "other"), "CONTENT 2");
        utimesSync(join(source, "other"), mtimeMs / 1000, mtimeMs / 1000);
        renameSync(join(source, "other"), join(source, "a/f2"));
        rmSync(join(source, "a/f3"));
        rmSync(join(source, "empty"), { recursive: true });
        writeFileSync(join(source, "empty"), "a file now");
        rmSync(join(source, "a/zero"));
        mkdirSync(join(source, "a/zero/deep"), { recursive: true });
        settle(source);
        expect(await publish(places)).toContain("4 files brought and 2 files removed");
        expect(tree()).toBe(digest(source));
    });

    test("with nothing new changes nothing, and whoever reads meanwhile need not begin again", async () => {
        await publish(places);
        const before = editionIn(manifestPath());
        expect(await publish(places)).toContain("nothing to do");
        expect(editionIn(manifestPath())).toEqual(before);
    });

    test("carries the hashes of unchanged files over, and computes those of others anew", async () => {
        await publish(places);
        const [one, other] = ["a/f5", "a/f6"].map((path) => manifestOf(manifestPath())[path]?.sha256 as string);
        const wrong = "0".repeat(64);
        const text = readFileSync(manifestPath(), "utf8");
        writeFileSync(manifestPath(), text.replace(one as string, wrong).replace(other as string, wrong));
        writeFileSync(join(source, "a/f6"), "changed");
        await publish(places);
        expect(manifestOf(manifestPath())["a/f5"]?.sha256).toBe(wrong);
        expect(manifestOf(manifestPath())["a/f6"]?.sha256).toBe(createHash("sha256").update("changed").digest("hex"));
    });

    test("copies nothing again when production has moved to another volume, and goes by the contents", async () => {
        await publish(places);
        const { ino } = lstatSync(join(store, "picture.jpg"));
        execFileSync("cp", ["-a", source, join(places.folder, "moved")]);
        corrupt(join(places.folder, "moved/a/f9"));
        const moved = { source: join(places.folder, "moved") };
        expect(await publish(places, moved)).toContain("1 file brought and 0 files removed");
        expect(lstatSync(join(store, "picture.jpg")).ino).toBe(ino);
        expect(tree()).toBe(digest(moved.source));
        expect(manifestOf(manifestPath())["picture.jpg"]?.ino).toBe(lstatSync(join(moved.source, "picture.jpg")).ino);
        expect(await publish(places, moved)).toContain("nothing to do");
    });

    test("takes over a store that another schedule has filled, and copies nothing that is there already", async () => {
        execFileSync("cp", ["-a", `${source}/.`, store]);
        const { ino } = lstatSync(join(store, "picture.jpg"));
        expect(await publish(places)).toContain("holds what production has, 23 files");
        expect(lstatSync(join(store, "picture.jpg")).ino).toBe(ino);
        expect(manifestOf(manifestPath())["picture.jpg"]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    });

    test("gives replicas copies whose contents are proven, with the manifest as a sentinel", async () => {
        await publish(places);
        const plan = planFor({ ...places, source: store }, "00000000aa", (media) => {
            media.sentinel = storeFiles;
        });
        expect(await prepareMedia(plan, never)).toContain("23 files");
        expect(digest(join(places.volume, generationFolder("00000000aa")))).toBe(digest(source));
        const marker = readFileSync(join(places.volume, generationMarker("00000000aa")), "utf8");
        expect(mediaReport.parse(JSON.parse(marker))).toMatchObject({
            published: editionIn(manifestPath()).published,
            proof: [expect.anything(), "SHA-256 of 23 files by production's file manifest"],
            unknown: [],
        });
    });
});

describe("publishing is refused, and the store stays as it was,", () => {
    let before: string;
    beforeEach(async () => {
        await publish(places);
        before = digest(store);
    });
    afterEach(() => expect(digest(store)).toBe(before));

    test("when production's volume is empty, or not mounted", async () => {
        renameSync(source, join(places.folder, "elsewhere"));
        expect(await refusal()).toContain("is not there: mount production's files there");
        mkdirSync(source);
        expect(await refusal({ maximumDeletions: 100 })).toContain("holds 0 files, and media.minimumFiles is 1");
        writeFileSync(join(source, "one"), "");
        expect(await refusal({ maximumDeletions: 100, sentinel: "picture.jpg" })).toContain(
            "does not hold picture.jpg",
        );
    });

    test("when more would be removed than may be", async () => {
        for (let n = 0; n < 6; n++) {
            rmSync(join(source, `a/f${n}`));
        }
        expect(await refusal()).toMatch(
            /lacks 6 of the 23 files of the store \(27 %\), .* set media.maximumDeletions to 27/,
        );
    });

    test("when it would read what it writes, or write to a replica", async () => {
        expect(await refusal({ source: store })).toContain("are the same folder");
        expect(await refusal({ source: join(store, "a") })).toContain("are the same folder");
        writeFileSync(join(store, volumeMarker), "{}");
        expect(await refusal()).toContain("it is a replica's volume");
        rmSync(join(store, volumeMarker));
    });
});

describe("what was done to the store", () => {
    const editions = () => {
        const { path, body } = told.at(-1) ?? { path: "", body: "{}" };
        expect(path).toBe("/api/v1/namespaces/production/configmaps/understudy-catalogue");
        const text = JSON.parse(body).data[editionsFile] as string;
        expect(readFileSync(join(store, storeOwn.editions), "utf8")).toBe(text);
        return entriesIn(editionsFile, text, mediaEdition);
    };

    test("is told to the cluster run by run, and nothing is added by one with nothing to do", async () => {
        await publish(places);
        rmSync(join(source, "a/f3"));
        writeFileSync(join(source, "a/f4"), "changed");
        writeFileSync(join(source, "new"), "12345");
        await publish(places);
        const [second, first] = editions();
        expect(first).toMatchObject({ files: 23, brought: 23, removed: 0 });
        expect(second).toMatchObject({ files: 23, brought: 2, removed: 1 });
        expect(second?.published).toBe(editionIn(manifestPath()).published);
        told.length = 0;
        await publish(places);
        expect(editions()).toEqual([second, first]);
    });

    test("counts every file that production no longer has, whatever stands in its place", async () => {
        await publish(places);
        rmSync(join(source, "a/f1"));
        symlinkSync("f2", join(source, "a/f1"));
        rmSync(join(source, "a/zero"));
        mkdirSync(join(source, "a/zero"));
        rmSync(join(source, "a/b"), { recursive: true });
        writeFileSync(join(source, "a/b"), "a folder with a note before");
        expect(await publish(places)).toContain("1 file brought and 3 files removed");
        expect(editions()[0]).toMatchObject({ files: 21, brought: 1, removed: 3 });
    });

    test("begins anew with a store that a run has left half done: what that had changed nobody has counted", async () => {
        await publish(places);
        rmSync(join(source, "a/f3"));
        await publish(places);
        expect(editions()).toHaveLength(2);
        writeFileSync(manifestPath(), `${headerOf({ published: new Date().toISOString(), unfinished: true })}\n`);
        await publish(places);
        expect(editions()).toMatchObject([{ files: 22, brought: 0, removed: 0 }]);
    });

    test("begins anew when what is remembered cannot be understood", async () => {
        await publish(places);
        writeFileSync(join(store, storeOwn.editions), "half a li");
        writeFileSync(join(source, "new"), "12345");
        await publish(places);
        expect(editions()).toMatchObject([{ files: 24, brought: 1 }]);
    });

    test("is remembered for so many runs", async () => {
        await publish(places);
        const [one] = editions();
        const lines = Array.from({ length: editionsKept }, () => `${JSON.stringify(one)}\n`);
        writeFileSync(join(store, storeOwn.editions), lines.join(""));
        writeFileSync(join(source, "new"), "12345");
        await publish(places);
        expect(editions()).toHaveLength(editionsKept);
        expect(editions()[0]).toMatchObject({ brought: 1 });
    });

    test("stays in the store when the cluster does not take it, and the run says so", async () => {
        const port = process.env.KUBERNETES_SERVICE_PORT;
        process.env.KUBERNETES_SERVICE_PORT = "1";
        await expect(publish(places)).rejects.toThrow(
            /23 files brought .* But no preview can tell of it: .*ECONNREFUSED/,
        );
        process.env.KUBERNETES_SERVICE_PORT = port;
        expect(await publish(places)).toContain("nothing to do");
        expect(editions()).toHaveLength(1);
    });
});

describe("reading the store again", () => {
    test("finds everything as it was published, and needs a manifest", async () => {
        await expect(verify(places)).rejects.toThrow(/has no file manifest/);
        await publish(places);
        expect(await verify(places)).toMatch(/All 23 files in .* are as they were published/);
    });

    test("names what has rotted or is gone, and the next run brings it again", async () => {
        await publish(places);
        corrupt(join(store, "picture.jpg"));
        rmSync(join(store, "a/f7"));
        await expect(verify(places)).rejects.toThrow(
            /Of 23 files .*: "(picture.jpg" differs; "a\/f7" is missing|a\/f7" is missing; "picture.jpg" differs)\. They are marked/,
        );
        expect(readdirSync(store)).toContain(storeOwn.rotten);
        expect(await publish(places)).toContain("2 files brought");
        expect(readdirSync(store)).not.toContain(storeOwn.rotten);
        expect(tree()).toBe(digest(source));
        expect(await verify(places)).toContain("are as they were published");
    });
});

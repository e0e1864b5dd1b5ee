import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prepareMedia } from "../../agent/media/generation";
import { Refusal } from "../../agent/refusal";
import { generationFolder, generationMarker, type MediaPlan } from "../../contract";
import { mediaReport } from "../../contract/report";
import { digest, isInstalled, isRoot, makePlaces, mountLoop, never, type Places, planFor } from "./places";

const [first, second] = ["00000000aa", "00000000bb"] as const;
let places: Places;

beforeEach(() => {
    places = makePlaces();
});
afterEach(() => rmSync(places.folder, { recursive: true, force: true }));

const at = (id: string, path = "") => join(places.volume, generationFolder(id), path);

function prepare(generation: string, sharing: MediaPlan["sharing"]) {
    return prepareMedia(
        planFor(places, generation, (media) => {
            media.sharing = sharing;
        }),
        never,
    );
}

function reportOf(id: string) {
    return mediaReport.parse(JSON.parse(readFileSync(join(places.volume, generationMarker(id)), "utf8")));
}

describe("with media.sharing link", () => {
    test("an application that edits a shared file in place edits it in the former copy too, so it may not", async () => {
        await prepare(first, "link");
        await prepare(second, "link");
        expect(statSync(at(second, "picture.jpg")).mode & 0o022).toBe(0);
        writeFileSync(at(second, "picture.jpg"), "edited by who owns it");
        expect(readFileSync(at(first, "picture.jpg"), "utf8")).toBe("edited by who owns it");
    });

    test("a file that is replaced is another one in the former copy", async () => {
        await prepare(first, "link");
        await prepare(second, "link");
        rmSync(at(second, "picture.jpg"));
        writeFileSync(at(second, "picture.jpg"), "replaced");
        expect(readFileSync(at(first, "picture.jpg")).length).toBe(100_000);
    });

    test("what an application was allowed to edit is not shared from then on", async () => {
        await prepare(first, "copy");
        await prepare(second, "link");
        expect(reportOf(second)).toMatchObject({ linked: 0 });
        expect(statSync(at(second, "picture.jpg")).mode & 0o7777).toBe(0o644);
    });
});

test("with media.sharing copy every file has bytes of its own, which the group may edit", async () => {
    await prepare(first, "copy");
    const before = digest(at(first));
    await prepare(second, "copy");
    expect(statSync(at(second, "picture.jpg")).mode & 0o7777).toBe(0o664);
    expect(reportOf(second)).toMatchObject({ linked: 0, cloned: 0 });
    writeFileSync(at(second, "picture.jpg"), "edited");
    expect(digest(at(first))).toBe(before);
});

test.runIf(isRoot)("with media.sharing clone a file system that cannot is refused, and nothing changed", async () => {
    const { point, unmount } = mountLoop(places.folder, ["mkfs.ext4", "-q"]);
    try {
        places.volume = point;
        // As a run leaves it that is killed while it looks.
        writeFileSync(join(point, ".understudy.blocks"), "x");
        const refusal = await prepare(first, "clone").catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(Refusal);
        expect((refusal as Refusal).message).toContain("media.sharing is clone: set it to link or copy");
        expect(readdirSync(point)).toEqual(["lost+found"]);
    } finally {
        unmount();
    }
});

describe.runIf(isRoot && isInstalled("mkfs.xfs"))("on XFS", () => {
    test("with media.sharing clone blocks are shared, and an edit is seen in one copy alone", async () => {
        const { point, unmount } = mountLoop(places.folder, ["mkfs.xfs", "-q", "-m", "reflink=1"]);
        try {
            places.volume = point;
            await prepare(first, "clone");
            expect(await prepare(second, "clone")).toContain("3 of them with shared blocks");
            expect(reportOf(second)).toMatchObject({ linked: 0, cloned: 3 });
            const copy = at(second, "picture.jpg");
            expect(statSync(copy).ino).not.toBe(statSync(at(first, "picture.jpg")).ino);
            expect(statSync(copy).mtimeMs).toBeCloseTo(statSync(join(places.source, "picture.jpg")).mtimeMs, 2);
            expect(statSync(copy).mode & 0o7777).toBe(0o664);
            writeFileSync(copy, "edited");
            expect(readFileSync(at(first, "picture.jpg")).length).toBe(100_000);
        } finally {
            unmount();
        }
    });

    test("what comes from the same file system shares its blocks with production's, and is the agent's", async () => {
        const { point, unmount } = mountLoop(places.folder, ["mkfs.xfs", "-q", "-m", "reflink=1"]);
        try {
            Object.assign(places, { source: join(point, "source"), volume: join(point, "volume") });
            execFileSync("mkdir", [places.source, places.volume]);
            for (let n = 0; n < 3; n++) {
                writeFileSync(join(places.source, `f${n}`), Buffer.alloc(3_000_000, n));
                chmodSync(join(places.source, `f${n}`), 0o600);
            }
            expect(await prepare(first, "link")).toContain("3 of them with shared blocks");
            expect(statSync(at(first, "f2")).mode & 0o7777).toBe(0o644);
            expect(readFileSync(at(first, "f2")).equals(Buffer.alloc(3_000_000, 2))).toBe(true);
        } finally {
            unmount();
        }
    });
});

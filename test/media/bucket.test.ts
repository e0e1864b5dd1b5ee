import {
    appendFileSync,
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { objection } from "../../agent/media/bucket";
import { prepareMedia } from "../../agent/media/generation";
import { Refusal } from "../../agent/refusal";
import { generationFolder, generationMarker, type MediaPlan, volumeMarker } from "../../contract";
import { mediaReport } from "../../contract/report";
import { type Bucket, credentials, startBucket } from "../bucket";
import { sweep } from "../sweep";
import { digest, makePlaces, never, type Places, planFor } from "./places";

const [first, second] = ["00000000aa", "00000000bb"] as const;
let bucket: Bucket;
let places: Places;
let files: string;
let volume: string;

beforeAll(async () => {
    bucket = await startBucket();
});
afterAll(() => bucket?.stop());

beforeEach(() => {
    places = makePlaces();
    volume = places.volume;
    files = join(bucket.folder, "files");
    rmSync(bucket.folder, { recursive: true });
    mkdirSync(join(files, "a/b"), { recursive: true });
    writeFileSync(join(files, "picture.jpg"), Buffer.alloc(100_000, 7));
    writeFileSync(join(files, "a/b/note"), "a note");
    writeFileSync(join(files, "a/zero"), "");
    writeFileSync(join(bucket.folder, "elsewhere"), "not below the prefix");
    use(bucket.environment());
});
afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(places.folder, { recursive: true, force: true });
});

const at = (id: string, path = "") => join(volume, generationFolder(id), path);

function use(environment: Record<string, string>) {
    for (const [name, value] of Object.entries(environment)) {
        vi.stubEnv(name, value);
    }
}

function prepare(generation: string, change: (media: MediaPlan) => void = () => undefined, signal = never) {
    const plan = planFor(places, generation, (media) => {
        media.source = bucket.origin("shop/files");
        change(media);
    });
    return prepareMedia(plan, signal);
}

/** A run whose rclone does something of its own for a command. */
function prepareWith(command: string, script: string, signal = never) {
    const rclone = bucket.altered(command, script);
    return prepare(
        first,
        (media) => {
            media.source = { ...bucket.origin("shop/files"), rclone };
        },
        signal,
    );
}

/** Names and contents, without the folders that a bucket knows nothing of. */
function contents(root: string): Record<string, string> {
    const names = readdirSync(root, { recursive: true, encoding: "utf8" });
    const found = names.filter((name) => statSync(join(root, name)).isFile()).sort();
    return Object.fromEntries(found.map((name) => [name, readFileSync(join(root, name), "latin1")]));
}

describe("a generation of a bucket", () => {
    test("has every object below the prefix, and nothing is written to the bucket", async () => {
        for (const name of [" lead", "trail ", "#hash", ";semicolon", "-rf", "é", "日本／/\u2028", "$(touch pwned)"]) {
            mkdirSync(join(files, name, ".."), { recursive: true });
            writeFileSync(join(files, name), name);
        }
        const before = digest(bucket.folder);
        expect(await prepare(first)).toContain("11 files, 97.7 KiB, 0 of them unchanged and shared");
        expect(contents(at(first))).toEqual(contents(files));
        expect(digest(bucket.folder)).toBe(before);
        const marker = JSON.parse(readFileSync(join(volume, generationMarker(first)), "utf8"));
        expect(mediaReport.parse(marker)).toMatchObject({ files: 11, linked: 0, vanished: 0 });
    });

    test("has the modes and the group of every other, and the time at which the store got each object", async () => {
        utimesSync(join(files, "picture.jpg"), 1_600_000_000.125, 1_600_000_000.125);
        await prepare(first);
        expect(statSync(at(first)).mode & 0o7777).toBe(0o2775);
        expect(statSync(at(first, "a/b")).mode & 0o7777).toBe(0o2775);
        expect(statSync(at(first, "a/b/note")).mode & 0o7777).toBe(0o644);
        expect(statSync(at(first, "picture.jpg")).mtimeMs).toBe(1_600_000_000_125);
    });

    test("shares everything with the former one if nothing has changed, and fetches nothing", async () => {
        await prepare(first);
        const rclone = bucket.altered("copy", "exit 1");
        const again = prepare(second, (media) => {
            media.source = { ...bucket.origin("shop/files"), rclone };
        });
        expect(await again).toContain("3 files, 97.7 KiB, 3 of them unchanged and shared");
        expect(statSync(at(second, "a/b/note")).ino).toBe(statSync(at(first, "a/b/note")).ino);
        expect(digest(at(second))).toBe(digest(at(first)));
    });

    test("has what was added or changed anew, and no longer what was removed", async () => {
        await prepare(first);
        const before = digest(at(first));
        rmSync(join(files, "a/zero"));
        writeFileSync(join(files, "a/b/note"), "A NOTE");
        appendFileSync(join(files, "added"), "added");
        expect(await prepare(second)).toContain("1 of them unchanged and shared");
        expect(contents(at(second))).toEqual(contents(files));
        expect(digest(at(first))).toBe(before);
    });

    test("goes on when production removes a file meanwhile, and says so", async () => {
        expect(await prepareWith("copy", `rm '${join(files, "a/b/note")}'`)).toMatch(
            /2 files.* 1 file vanished from the source meanwhile/,
        );
        expect(contents(at(first))).toEqual(contents(files));
    });

    test("has the new content of what production replaces meanwhile", async () => {
        await prepareWith("copy", `sleep 1; echo longer than before > '${join(files, "a/b/note")}'`);
        expect(contents(at(first))).toEqual(contents(files));
    });

    sweep([
        ["leaves out", 'rm "$last/a/b/note"', /"a\/b\/note" of the media source s3:\/\/shop\/files was not copied/],
        [
            "cuts",
            'touch -r "$last/a/b/note" /tmp/$$; : > "$last/a/b/note"; touch -r /tmp/$$ "$last/a/b/note"; rm /tmp/$$',
            /The copy of "a\/b\/note" has 0 bytes instead of 6/,
        ],
        ["adds", ': > "$last/stray"', /The copy holds 6 names instead of 5/],
    ])("is not made of a copy that %s a file", async (_, change, expected) => {
        await expect(prepareWith("copy", `$rclone "$@"\n${change}\nexit 0`)).rejects.toThrow(expected);
        expect(readdirSync(join(volume, "generations"))).toEqual([]);
    });

    test("is not made when rclone fails, and the reason is told without credentials", async () => {
        const told = `echo "2026/01/01 00:00:00 NOTICE: Failed to copy: ${credentials.accessKey} is odd" >&2; exit 1`;
        await expect(prepareWith("copy", told)).rejects.toThrow(
            "rclone could not read s3://shop/files: Failed to copy: … is odd",
        );
        expect(readdirSync(join(volume, "generations"))).toEqual([]);
    });

    test("of a run that is stopped goes away, and rclone with it", async () => {
        const stop = new AbortController();
        const running = prepareWith("copy", `touch '${join(places.folder, "begun")}'; exec sleep 300`, stop.signal);
        await vi.waitUntil(() => existsSync(join(places.folder, "begun")), { timeout: 120_000 });
        stop.abort(new Error("stopped"));
        await expect(running).rejects.toThrow("stopped");
        expect(readdirSync(join(volume, "generations"))).toEqual([]);
    });
});

describe("refused, with nothing changed", () => {
    const odd = "of another one";
    sweep([
        ["a wrong key", "shop/files", [credentials.keyId, odd], "refuses the credentials (SignatureDoesNotMatch)"],
        ["an unknown key", "shop/files", [odd, odd], "refuses the credentials (InvalidAccessKeyId)"],
        ["a bucket that is not there", "shopp/files", [], "could not read s3://shopp/files: there is no such bucket"],
        [
            "a prefix with nothing below it",
            "shop/other",
            [],
            "s3://shop/other holds 0 files, and media.minimumFiles is 3",
        ],
    ])("%s", async (_, path, [keyId, accessKey], expected) => {
        const before = [digest(bucket.folder), digest(volume)];
        use(bucket.environment(keyId, accessKey));
        const refusal = await prepare(first, (media) => {
            media.source = bucket.origin(path);
        }).catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(Refusal);
        expect((refusal as Refusal).message).toContain(expected);
        expect((refusal as Refusal).message).not.toContain(odd);
        expect([digest(bucket.folder), digest(volume)]).toEqual(before);
    });

    test("a server that cannot be reached", async () => {
        use({ RCLONE_CONFIG_SOURCE_ENDPOINT: "http://127.0.0.1:1" });
        await expect(prepare(first)).rejects.toThrow(/The media source cannot be read: .*connection refused/);
        expect(existsSync(join(volume, volumeMarker))).toBe(false);
    });

    test("an rclone that is not there", async () => {
        const missing = prepare(first, (media) => {
            media.source = { rclone: "/nowhere/rclone", remote: "source:shop" };
        });
        await expect(missing).rejects.toThrow("rclone cannot be started");
    });

    test("an object whose name cannot be kept", async () => {
        writeFileSync(join(files, "half ‛ mark"), "x");
        await expect(prepare(first)).rejects.toThrow(
            /"half .* mark" .*has a name that no file can have: correct it in production/,
        );
    });
});

sweep([
    ["a/b c/ d ", undefined],
    ["a…/…", undefined],
    ["line\nbreak", "has a line break in its name"],
    ["end\r", "has a line break in its name"],
    ["a//b", "has a name that no file can have"],
    ["/a", "has a name that no file can have"],
    ["a/../../b", "has a name that no file can have"],
    ["a/．．/b", "has a name that no file can have"],
    ["a‛␀", "has a name that no file can have"],
])("an object %j %s", (name, reason) => {
    expect(objection(name)).toBe(reason);
});

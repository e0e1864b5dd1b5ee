import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { refuseSameFolder } from "../../agent/media/place";
import { Refusal } from "../../agent/refusal";
import { volumeMarker } from "../../contract";
import { digest, isRoot, planFor } from "./places";
import { at, eachInPlaces, expectRefusal, first, places, prepare, second, source, volume } from "./stage";

eachInPlaces();

describe("refused, with nothing changed", () => {
    test("an empty source, as a missing mount leaves it", async () => {
        rmSync(source, { recursive: true });
        mkdirSync(source);
        await expectRefusal(first, "holds 0 files, and media.minimumFiles is 3");
    });

    test("a source with too few files", async () => {
        rmSync(join(source, "a/zero"));
        await expectRefusal(first, "holds 2 files, and media.minimumFiles is 3");
    });

    test("a source that is not there", async () => {
        renameSync(source, `${source}-gone`);
        const error = await prepare(first).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(Refusal);
        expect((error as Refusal).message).toContain("is not there");
    });

    test.each([
        ["an absolute link", "/etc/passwd"],
        ["a link that leads up and out", "../../outside"],
        ["a link that leads out by way of another", "b/../../../outside"],
    ])("%s", async (_, target) => {
        symlinkSync(target, join(source, "a/evil"));
        await expectRefusal(first, /"a\/evil" .* leads out of the tree/);
    });

    test("a named pipe, by its name and how many there are", async () => {
        execFileSync("mkfifo", [join(source, "pipe"), join(source, "a/pipe")]);
        await expectRefusal(first, /"pipe" .* is a named pipe \(and 1 more\)/);
    });

    test("a volume that somebody else uses", async () => {
        writeFileSync(join(volume, "theirs"), "x");
        await expectRefusal(first, /does not carry the marker .*theirs/);
    });

    test("another stack's volume", async () => {
        writeFileSync(join(volume, volumeMarker), JSON.stringify({ stack: "understudy/other" }));
        await expectRefusal(first, "belongs to the replica of stack understudy/other");
    });

    test("a replica's volume as the source", async () => {
        writeFileSync(join(source, volumeMarker), JSON.stringify({ stack: "understudy/other" }));
        await expectRefusal(first, "it is a replica's volume, not production's");
    });

    test.each([
        ["the same folder", () => source],
        [
            "the same folder by another name",
            () => {
                symlinkSync(source, join(places.folder, "alias"));
                return join(places.folder, "alias");
            },
        ],
        ["a volume within the source", () => join(source, "empty")],
        ["a volume around the source", () => places.folder],
    ])("%s", async (_, other) => {
        const before = digest(places.folder);
        await expect(refuseSameFolder({ source, volume: other() })).rejects.toThrow(
            "the same folder, or one is within",
        );
        expect(digest(places.folder).split("\n")).toEqual(expect.arrayContaining(before.split("\n")));
    });

    test("a source within the volume", async () => {
        rmSync(join(source, "lost+found"), { recursive: true });
        await prepare(first);
        const before = digest(volume);
        await expect(
            prepare(second, (media) => {
                media.source = at(first);
            }),
        ).rejects.toThrow("the same folder, or one is within");
        expect(digest(volume)).toBe(before);
    });

    test("files that cannot be read, the first by its name", async () => {
        const script = `const { prepareMedia } = require("./try.cjs"); prepareMedia(JSON.parse(process.argv[1]), new AbortController().signal).catch((e) => console.log(e.message));`;
        buildSync({
            entryPoints: [join(__dirname, "../../agent/media/generation.ts")],
            ...{ bundle: true, platform: "node", outfile: join(places.folder, "try.cjs"), external: ["pg-native"] },
        });
        execFileSync("chmod", ["-R", "a+rX", places.folder]);
        execFileSync("chmod", ["777", volume]);
        chmodSync(join(source, "a/b/note"), 0);
        const options = { cwd: places.folder, encoding: "utf8" } as const;
        const plain = [process.execPath, "-e", script, JSON.stringify(planFor(places, first))];
        const args = isRoot ? ["setpriv", "--reuid=65534", "--clear-groups", ...plain] : plain;
        expect(execFileSync(args[0] as string, args.slice(1), options)).toContain('"a/b/note" of the media source');
        expect(readdirSync(volume)).toEqual(["lost+found"]);
    });
});

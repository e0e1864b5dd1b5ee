import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { placeOf, refuseSameFolder } from "../../agent/media/place";
import { generationFolder, generationMarker, type MediaPlan } from "../../contract";
import { isRoot } from "./places";
import { eachInPlaces, expectRefusal, first, places, prepare, second, source, volume } from "./stage";

eachInPlaces();

describe("media.maximumDeletions", () => {
    const limited = (percent: number) => (media: MediaPlan) => {
        media.maximumDeletions = percent;
        media.minimumFiles = 1;
    };

    beforeEach(() => {
        for (let n = 0; n < 7; n++) {
            writeFileSync(join(source, `f${n}`), `${n}`);
        }
    });

    test("refuses a source that lacks more of the former files, and says what to set", async () => {
        await prepare(first);
        for (const name of ["f0", "f1", "f2"]) {
            rmSync(join(source, name));
        }
        writeFileSync(join(source, "as many new ones"), "do not make up for them");
        await expectRefusal(
            second,
            /lacks 3 of the 10 files of the generation in use \(30 %\), and media.maximumDeletions is 20 %: .* set media.maximumDeletions to 30/,
            limited(20),
        );
        expect(await prepare(second, limited(30))).toContain("3 files of the former copy are no longer there");
    });

    test("does not count what the application has deleted or added in the copy, nor what is excluded", async () => {
        await prepare(first);
        rmSync(join(volume, generationFolder(first), "a"), { recursive: true });
        writeFileSync(join(volume, generationFolder(first), "uploaded"), "here");
        const excluding = (media: MediaPlan) => {
            limited(0)(media);
            media.exclude = ["f*"];
        };
        expect(await prepare(second, excluding)).toContain("3 files");
    });
});

describe("media.sentinel", () => {
    const sentinel = (media: MediaPlan) => {
        media.sentinel = ".mounted";
    };

    test("refuses a source without it", async () => {
        await expectRefusal(first, "does not hold .mounted, which media.sentinel names", sentinel);
    });

    test("is no part of the copy", async () => {
        writeFileSync(join(source, ".mounted"), "");
        expect(await prepare(first, sentinel)).toContain("3 files");
        expect(existsSync(join(volume, generationFolder(first), ".mounted"))).toBe(false);
    });
});

describe.runIf(isRoot)("a volume that is part of the source, by a bind mount", () => {
    function bound(from: string, work: (point: string) => Promise<void>) {
        const point = join(places.folder, "bound");
        mkdirSync(point);
        execFileSync("mount", ["--bind", from, point]);
        return work(point).finally(() => execFileSync("umount", [point]));
    }

    test("is refused, however deep it stands in it", async () => {
        mkdirSync(join(source, "empty/deep"));
        await bound(join(source, "empty/deep"), async (point) => {
            await expect(refuseSameFolder({ source, volume: point })).rejects.toThrow("or one is within the other");
        });
    });

    test("is refused the other way round", async () => {
        mkdirSync(join(volume, "generations/x/y"), { recursive: true });
        await bound(join(volume, "generations/x/y"), async (point) => {
            await expect(refuseSameFolder({ source: point, volume })).rejects.toThrow("or one is within the other");
        });
    });

    test("is not, if it stands beside it", async () => {
        await bound(volume, async (point) => {
            await refuseSameFolder({ source, volume: point });
        });
    });
});

test("a place is the mount's that counts, spaces and all", () => {
    const mounts = [
        "20 1 8:1 / / rw - ext4 /dev/a rw",
        "21 20 0:50 /export/files /mnt/with\\040space rw - nfs server:/export rw",
        "22 21 8:2 /sub /mnt/with\\040space/in rw - xfs /dev/b rw",
    ].join("\n");
    expect(placeOf("/mnt/with space/a", mounts)).toEqual({ system: "0:50", path: "/export/files/a" });
    expect(placeOf("/mnt/with space/in/b", mounts)).toEqual({ system: "8:2", path: "/sub/b" });
    expect(placeOf("/mnt/with spaces", mounts)).toEqual({ system: "8:1", path: "/mnt/with spaces" });
});

test("what killed runs have left is removed by the next, whichever generation it makes", async () => {
    await prepare(first);
    const generations = join(volume, "generations");
    mkdirSync(join(generations, "00000000cc/half"), { recursive: true });
    writeFileSync(join(generations, "00000000cc.files.jsonl"), "half");
    writeFileSync(join(generations, "00000000dd.json.new"), "half");
    await prepare(second);
    const left = [first, second].flatMap((id) => [id, `${id}.files.jsonl`, `${id}.json`]);
    expect(readdirSync(generations).sort()).toEqual(left.sort());
    expect(existsSync(join(volume, generationMarker(first)))).toBe(true);
});

describe("a generation whose marker", () => {
    test("says more than this agent knows stays, and files are shared with it", async () => {
        await prepare(first);
        const marker = join(volume, generationMarker(first));
        writeFileSync(marker, JSON.stringify({ ...JSON.parse(readFileSync(marker, "utf8")), later: true }));
        expect(await prepare(second)).toContain("3 of them unchanged and shared");
        expect(existsSync(join(volume, generationFolder(first), "picture.jpg"))).toBe(true);
    });

    test("has been damaged is not taken for half of one", async () => {
        await prepare(first);
        writeFileSync(join(volume, generationMarker(first)), "{");
        await expectRefusal(second, /The marker generations\/00000000aa\.json .* is not that of generation 00000000aa/);
        await expectRefusal(first, "is not that of generation 00000000aa");
    });
});

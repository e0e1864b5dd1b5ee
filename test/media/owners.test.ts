import { execFileSync } from "node:child_process";
import {
    chmodSync,
    chownSync,
    lchownSync,
    linkSync,
    lstatSync,
    mkdirSync,
    readFileSync,
    rmSync,
    symlinkSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { beforeEach, describe, expect, test } from "vitest";
import { Listing } from "../../agent/media/listing";
import { Owners } from "../../agent/media/owners";
import { describeKept } from "../../agent/media/retire";
import { agentUser, mediaGroup, ownersCapabilities } from "../../components/pod";
import { generationMarker, type MediaPlan } from "../../contract";
import { mediaReport } from "../../contract/report";
import { sweep } from "../sweep";
import { digest, isInstalled, isRoot, mountLoop, planFor, settle } from "./places";
import { publish, storeOf, withCluster } from "./published";
import { at, eachInPlaces, first, places, prepare, second, source, volume } from "./stage";

const third = "00000000cc";

eachInPlaces();
withCluster();

/** Whose something is, and its permissions, as `ls` has them; a link's say nothing. */
function rights(path: string): string {
    const { uid, gid, mode } = lstatSync(path);
    return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

const production = (media: MediaPlan) => {
    Object.assign(media, { owners: "production", group: mediaGroup });
};
const agents = (media: MediaPlan) => {
    media.group = mediaGroup;
};

function reportOf(id: string) {
    return mediaReport.parse(JSON.parse(readFileSync(join(volume, generationMarker(id)), "utf8")));
}

const withGroup = ["setpriv", `--regid=${mediaGroup}`, "--clear-groups", "--inh-caps=-all", "--no-new-privs"];
const capabilities = ownersCapabilities.map((name) => `+${name.toLowerCase()}`).join(",");

/** The ways in which a Job runs: as nobody in particular, as user 0 with a few capabilities, or where that is the only user. */
const jobs = {
    restricted: [...withGroup, `--reuid=${agentUser}`, "--bounding-set=-all"],
    owners: [...withGroup, `--bounding-set=-all,${capabilities}`],
    alone: ["unshare", "--user", "--map-root-user"],
};

/** What such a Job runs: nobody but root may look into the checkout. */
let program: string | undefined;

function build(): string | undefined {
    const { outputFiles } = buildSync({
        stdin: {
            contents: `import { prepareMedia } from "./agent/media/generation";
                import { retireMedia } from "./agent/media/retire";
                const command = { prepare: prepareMedia, retire: retireMedia }[process.argv[2] as "prepare"];
                command(JSON.parse(process.argv[3]!), new AbortController().signal).then(
                    (word: unknown) => console.log(typeof word === "string" ? word : JSON.stringify(word)),
                    (error: Error) => console.log(error.message),
                );`,
            resolveDir: join(__dirname, "../.."),
            loader: "ts",
        },
        ...{ bundle: true, platform: "node", write: false, external: ["pg-native"] },
    });
    return outputFiles[0]?.text;
}

/** Runs the agent as a Job would, in a process of its own. */
function inJob(job: keyof typeof jobs, command: "prepare" | "retire", id: string, change: (media: MediaPlan) => void) {
    program ??= build();
    const plan = JSON.stringify(planFor(places, id, change));
    const options = { encoding: "utf8", cwd: places.folder, input: program } as const;
    const [shell = "", ...as] = jobs[job];
    const said = execFileSync(shell, [...as, process.execPath, "-", command, plan], options);
    return said.trim().split("\n").at(-1) ?? "";
}

describe.runIf(isRoot)("production's owners", () => {
    beforeEach(() => {
        rmSync(join(source, "lost+found"), { recursive: true });
        execFileSync("chmod", ["755", places.folder]);
        // As a provisioner makes it.
        execFileSync("chmod", ["777", volume]);
        writeFileSync(join(source, "program"), "#!/bin/sh\n");
        symlinkSync("picture.jpg", join(source, "link"));
        linkSync(join(source, "a/b/note"), join(source, "a/twin"));
        settle(source);
        const whose: [path: string, user: number, group: number, mode: number][] = [
            ["", 1001, 1002, 0o750],
            ["a", 1001, 1002, 0o2770],
            ["a/b", 1003, 1002, 0o700],
            ["a/b/note", 1003, 1004, 0o600],
            ["a/zero", 0, 0, 0o440],
            ["empty", 1001, 1002, 0o1777],
            ["picture.jpg", 1001, 1002, 0o666],
            ["program", 1003, 1004, 0o6755],
        ];
        for (const [path, user, group, mode] of whose) {
            chownSync(join(source, path), user, group);
            chmodSync(join(source, path), mode);
        }
        // Of the agent's group, and of another user.
        lchownSync(join(source, "link"), 1005, mediaGroup);
    });

    const expected = {
        "": "1001:1002 750",
        a: "1001:1002 2770",
        "a/b": "1003:1002 700",
        "a/b/note": "1003:1004 600",
        "a/twin": "1003:1004 600",
        "a/zero": "0:0 440",
        empty: "1001:1002 1777",
        link: `1005:${mediaGroup} 777`,
        "picture.jpg": "1001:1002 666",
        program: "1003:1004 755",
    };
    const found = (id: string) => Object.fromEntries(Object.keys(expected).map((path) => [path, rights(at(id, path))]));

    test("are kept with permissions, by a Job with no more capabilities than it needs", () => {
        expect(inJob("owners", "prepare", first, production)).toMatch(
            /is complete and proven: 5 files, .* in [\d.]+ s\.$/,
        );
        expect(found(first)).toEqual(expected);
        expect(digest(at(first))).toBe(digest(source));
        expect(lstatSync(at(first, "a/twin")).ino).toBe(lstatSync(at(first, "a/b/note")).ino);
        expect(reportOf(first)).toMatchObject({
            owners: "production's, and its permissions; files without set-user-id, set-group-id and sticky bits",
            ownersKept: true,
        });
    });

    test("are kept of files that are shared, and those are shared that have them already", () => {
        inJob("owners", "prepare", first, production);
        expect(inJob("owners", "prepare", second, production)).toContain("4 of them unchanged and shared");
        expect(found(second)).toEqual(expected);
        expect(lstatSync(at(second, "picture.jpg")).ino).toBe(lstatSync(at(first, "picture.jpg")).ino);
    });

    sweep([
        ["owner", () => chownSync(join(source, "picture.jpg"), 1009, 1002)],
        ["group", () => chownSync(join(source, "picture.jpg"), 1001, 1009)],
        ["permissions", () => chmodSync(join(source, "picture.jpg"), 0o640)],
    ])(
        "that changed in production (%s) make a file another one, and leave the former copy's alone",
        async (_, change) => {
            await prepare(first, production);
            change();
            await prepare(second, production);
            expect(rights(at(second, "picture.jpg"))).toBe(rights(join(source, "picture.jpg")));
            expect(found(first)).toEqual(expected);
            expect(lstatSync(at(second, "program")).ino).toBe(lstatSync(at(first, "program")).ino);
        },
    );

    test("are not what the application has put in a file's place", async () => {
        await prepare(first, production);
        rmSync(at(first, "picture.jpg"));
        writeFileSync(at(first, "picture.jpg"), Buffer.alloc(100_000, 8));
        chownSync(at(first, "picture.jpg"), 1001, 1002);
        chmodSync(at(first, "picture.jpg"), 0o666);
        await prepare(second, production);
        expect(readFileSync(at(second, "picture.jpg")).equals(readFileSync(join(source, "picture.jpg")))).toBe(true);
        const { mtimeMs } = lstatSync(join(source, "program"));
        writeFileSync(at(second, "program"), "#!/bin/no\n");
        chownSync(at(second, "program"), 1009, 1004);
        utimesSync(at(second, "program"), mtimeMs / 1000, mtimeMs / 1000);
        await prepare(third, production);
        expect(readFileSync(at(third, "program"), "utf8")).toBe("#!/bin/sh\n");
    });

    test("are the next copy's when they are asked for, and the former one stays the agent's", () => {
        execFileSync("chmod", ["-R", "a+rX", source]);
        inJob("restricted", "prepare", first, agents);
        const [before, { ino }] = [found(first), lstatSync(at(first, "picture.jpg"))];
        expect(before["picture.jpg"]).toBe(`${agentUser}:${mediaGroup} 644`);
        expect(inJob("owners", "prepare", second, production)).toContain("0 of them unchanged and shared");
        expect(rights(at(second, "picture.jpg"))).toBe("1001:1002 666");
        expect([found(first), lstatSync(at(first, "picture.jpg")).ino]).toEqual([before, ino]);
        const none = (media: MediaPlan) => Object.assign(media, { keepGenerations: 0 });
        const gone = { removed: [first], kept: [] };
        expect(JSON.parse(inJob("owners", "retire", second, (media) => production(none(media))))).toEqual(gone);
    });

    test("are not the next copy's when they are no longer asked for, and the former one stays until it may be removed", () => {
        inJob("owners", "prepare", first, production);
        execFileSync("chmod", ["-R", "a+rX", source]);
        expect(inJob("restricted", "prepare", second, agents)).toContain("0 of them unchanged and shared");
        expect(rights(at(second, "picture.jpg"))).toBe(`${agentUser}:${mediaGroup} 644`);
        expect(rights(at(second))).toBe(`${agentUser}:${mediaGroup} 2775`);
        expect(found(first)).toEqual(expected);
        expect(inJob("restricted", "prepare", third, agents)).toContain("4 of them unchanged and shared");
        const none = (media: MediaPlan) => Object.assign(media, { keepGenerations: 0, group: mediaGroup });
        const retired = JSON.parse(inJob("restricted", "retire", third, none));
        expect(retired).toEqual({ removed: [second], kept: [first] });
        expect(describeKept(retired)).toMatch(
            /^ Kept because only a run with media\.owners: production .*: media 00000000aa\.$/,
        );
        expect(describeKept({ removed: [second], kept: [] })).toBe("");
        expect(found(first)).toEqual(expected);
        expect(JSON.parse(inJob("owners", "retire", third, none))).toEqual({ removed: [first], kept: [] });
    });

    test("that an unfinished copy has are said to be why it cannot be removed", () => {
        inJob("owners", "prepare", first, production);
        rmSync(join(volume, generationMarker(first)));
        execFileSync("chmod", ["-R", "a+rX", source]);
        const said = inJob("restricted", "prepare", second, agents);
        expect(said).toMatch(
            /generations\/00000000aa on the media volume .* cannot be removed \(EACCES\): if a run with/,
        );
        expect(inJob("owners", "prepare", second, production)).toContain("is complete and proven");
    });

    test("that the volume does not let the agent keep become the agent's, which report and last word say", () => {
        execFileSync("chmod", ["-R", "a+rX", source]);
        const why = "the volume does not let the agent give files away (EPERM)";
        expect(inJob("restricted", "prepare", first, production)).toMatch(
            /is complete and proven: .* s\. Owners are the agent's, not production's, as the volume does not let/,
        );
        const report = reportOf(first);
        expect(report.owners).toBe(
            `the agent's, ${agentUser}:${mediaGroup}, as ${why}; production's are in the file manifest`,
        );
        expect(report.ownersKept).toBeUndefined();
        expect(rights(at(first))).toBe(`${agentUser}:${mediaGroup} 2775`);
        expect(rights(at(first, "a/zero"))).toBe(`${agentUser}:${mediaGroup} 644`);
        expect(inJob("restricted", "prepare", second, production)).toContain("4 of them unchanged and shared");
    });

    test("that the volume does not know become the agent's too", () => {
        execFileSync("chmod", ["-R", "a+rX", source]);
        const said = inJob("alone", "prepare", first, (media) =>
            Object.assign(media, { owners: "production", group: 0 }),
        );
        expect(said).toMatch(/as the volume does not let the agent give files away \(EINVAL\)\.$/);
        expect(rights(at(first, "picture.jpg"))).toBe("0:0 644");
    });

    test("are those that the publisher's manifest names, where the files are its own", async () => {
        await publish(places, { group: mediaGroup });
        Object.assign(places, { source: storeOf(places) });
        expect(rights(join(places.source, "picture.jpg"))).toBe(`0:${mediaGroup} 644`);
        await prepare(first, production);
        const { "": root, ...others } = found(first);
        expect(others).toEqual({ ...expected, "": undefined });
        expect(root).toBe(`0:${mediaGroup} 2775`);
    });

    test.runIf(isInstalled("mkfs.xfs"))("are kept of files with shared blocks", async () => {
        const { point, unmount } = mountLoop(places.folder, ["mkfs.xfs", "-q", "-m", "reflink=1"]);
        try {
            Object.assign(places, { volume: point });
            const cloned = (media: MediaPlan) => {
                production(media);
                media.sharing = "clone";
            };
            await prepare(first, cloned);
            expect(await prepare(second, cloned)).toContain("4 of them with shared blocks");
            const path = (id: string) => join(point, `generations/${id}/picture.jpg`);
            expect([first, second].map((id) => rights(path(id)))).toEqual(["1001:1002 666", "1001:1002 666"]);
            expect(lstatSync(path(second)).ino).not.toBe(lstatSync(path(first)).ino);
            chownSync(path(second), 1009, 1002);
            expect(await prepare(third, cloned)).toContain("3 of them with shared blocks");
            expect(rights(path(third))).toBe("1001:1002 666");
        } finally {
            unmount();
        }
    });
});

test("all names of a file have the owner that one of them was seen with: another one is another file's", () => {
    const listing = new Listing();
    const file = { kind: "file", size: 1, disk: 1, mtime: 1, inode: "1:1", gid: 1, mode: 0o600 } as const;
    listing.add({ ...file, path: "name", uid: 1001 }, true);
    listing.add({ ...file, path: "twin", uid: 1009 }, false);
    listing.complete();
    expect([[...listing.same].length, [...listing.twins].map(({ uid }) => uid)]).toEqual([1, [1001]]);
    listing.close();
});

test("a bucket's files are the agent's, whatever is asked for, as it knows no owners", async () => {
    mkdirSync(join(places.folder, "other"));
    const { media } = planFor({ ...places, volume: join(places.folder, "other") }, first, (media) => {
        media.owners = "production";
    });
    const owners = await Owners.find(media, { hasOwners: false });
    const { uid, gid } = lstatSync(join(places.folder, "other"));
    expect(owners.sentence).toBe(`the agent's, ${uid}:${gid}, as a bucket knows no owners`);
    expect(owners.of({ kind: "file", uid: 1001, gid: 1002, mode: 0o600 })).toEqual({ uid, gid, mode: 0o644 });
});

import {
    chmodSync,
    chownSync,
    existsSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    symlinkSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let application: string;
let data: string;
let to: { application: string; data: string };
let settings: Record<string, unknown>;

beforeAll(async () => {
    stage = await openHostStage("folders");
    const { production, target } = stage.machines;
    application = join(production.folder, "srv/application");
    data = join(production.folder, "srv/data");
    to = { application: join(target.folder, "srv/application"), data: join(target.folder, "srv/data") };
    for (const folder of [application, join(data, "1/2"), join(data, "cache"), to.application, to.data]) {
        mkdirSync(folder, { recursive: true });
    }
    for (let n = 0; n < 20; n++) {
        writeFileSync(join(data, `1/2/picture-${n}`), `picture ${n}`.repeat(1000));
    }
    writeFileSync(join(data, "1/large"), Buffer.alloc(3_000_000, "abcdefg"));
    writeFileSync(join(data, "cache/entry"), "cached");
    writeFileSync(join(application, "index.php"), "<?php");
    writeFileSync(join(application, "run"), "#!/bin/sh\n");
    chmodSync(join(application, "run"), 0o755);
    chownSync(join(application, "index.php"), 1234, 1234);
    symlinkSync("index.php", join(application, "start.php"));
    settings = {
        "source.media": { host: "production", folder: data },
        "target.media": to.data,
        media: { group: 33, user: 33, exclude: ["cache"], minimumFiles: 5, maximumDeletions: 10 },
        folders: [
            {
                name: "application",
                from: { host: "production", folder: application },
                to: to.application,
                user: 33,
                group: 33,
                permissions: { files: "0640", folders: "2750" },
                keepGenerations: 1,
            },
        ],
    };
});
afterAll(() => stage?.stop());

const live = (folder: string, path: string) => join(folder, "current", path);

/** What stands in a folder, with everything that can be compared. */
function tree(folder: string): string {
    return readdirSync(folder, { recursive: true })
        .map((name) => {
            const { mode, size, mtimeMs, uid, gid } = lstatSync(join(folder, String(name)));
            return `${name} ${mode} ${size} ${mtimeMs} ${uid}:${gid}`;
        })
        .sort()
        .join("\n");
}

const again = (n: number) => ({
    ...settings,
    "database.refresh": "1",
    media: { ...(settings.media as object), refresh: `again ${n}` },
});

test("step 1: one action brings the database, the application's folder and the data of another host (S4-01)", async () => {
    const before = tree(join(stage.machines.production.folder, "srv"));
    const { status, output } = await stage.run("up", settings);
    expect(output).toContain("500 rows in 1 table");
    expect(output).toContain("21 files, 3.0 MiB");
    expect(status).toBe(0);
    expect(readFileSync(live(to.data, "1/2/picture-7"), "utf8")).toBe("picture 7".repeat(1000));
    expect(readFileSync(live(to.data, "1/large")).equals(readFileSync(join(data, "1/large")))).toBe(true);
    expect(statSync(live(to.data, "1/large")).mtimeMs).toBeCloseTo(statSync(join(data, "1/large")).mtimeMs, 2);
    expect(readFileSync(live(to.application, "start.php"), "utf8")).toBe("<?php");
    expect(tree(join(stage.machines.production.folder, "srv"))).toBe(before);
});

test("step 2: caches are not copied (S4-05)", () => {
    expect(existsSync(live(to.data, "cache"))).toBe(false);
});

test("step 3: user, group and permissions are as set (S4-13)", () => {
    const of = (path: string) => {
        const { uid, gid, mode } = statSync(path);
        return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
    };
    expect(of(live(to.application, "index.php"))).toBe("33:33 640");
    expect(of(live(to.application, "run"))).toBe("33:33 750");
    expect(of(live(to.application, "."))).toBe("33:33 2750");
    expect(of(live(to.data, "1/large"))).toBe("33:33 644");
    expect(of(live(to.data, "1/2"))).toBe("33:33 2775");
});

test("step 4: only what has changed travels, what production has removed goes, and so do strays (S4-16); the database stays (S3-15)", async () => {
    writeFileSync(live(to.data, "1/stray"), "nobody's");
    writeFileSync(join(data, "1/2/picture-3"), "another picture");
    writeFileSync(join(data, "1/new"), "new");
    rmSync(join(data, "1/2/picture-4"));
    const former = statSync(live(to.data, "1/large")).ino;
    const { status, output } = await stage.run("up", again(1));
    expect(output).toMatch(/21 files, [\d.]+ MiB, 19 of them unchanged and shared/);
    expect(output).toContain("1 file of the former copy are no longer there");
    expect(output).not.toContain("prepare-database");
    expect(status).toBe(0);
    expect(statSync(live(to.data, "1/large")).ino).toBe(former);
    expect(readFileSync(live(to.data, "1/2/picture-3"), "utf8")).toBe("another picture");
    expect(existsSync(live(to.data, "1/stray"))).toBe(false);
    expect(existsSync(live(to.data, "1/2/picture-4"))).toBe(false);
});

test("step 5: the guards speak as they do of a folder on the target, and nothing changes", async () => {
    const before = [tree(to.data), tree(to.application)];
    const media = again(2).media as object;
    const refusals: [Record<string, unknown>, RegExp][] = [
        [{ media: { ...media, minimumFiles: 500 } }, /holds 21 files, and media.minimumFiles is 500/],
        [{ media: { ...media, sentinel: ".mounted" } }, /data on host production does not hold .mounted/],
        [
            { media, "source.media": { host: "production", folder: `${data}-gone` } },
            /data-gone on host production is not there/,
        ],
        [
            { media: { ...media, exclude: [] }, "source.media": { host: "production", folder: to.data } },
            /carries the marker .understudy.json: it is a replica's volume/,
        ],
        [
            { media, "source.media": { host: "production", folder: join(to.data, "current") } },
            /are the same folder, or one is within the other/,
        ],
    ];
    for (const [change, reason] of refusals) {
        const { status, output } = await stage.run("up", { ...again(2), ...change });
        expect(output).toMatch(reason);
        expect(status).not.toBe(0);
    }
    expect([tree(to.data), tree(to.application)]).toEqual(before);
});

test("step 6: too many deletions and a link that leads out are refused", async () => {
    const before = tree(to.data);
    symlinkSync("/etc/passwd", join(data, "out"));
    const first = await stage.run("up", again(3));
    expect(first.output).toMatch(/"out" of the media source \S+ on host production is a link that leads out/);
    rmSync(join(data, "out"));
    for (let n = 10; n < 15; n++) {
        rmSync(join(data, `1/2/picture-${n}`));
    }
    const second = await stage.run("up", again(4));
    expect(second.output).toMatch(/lacks 5 of the 21 files of the generation in use/);
    expect(tree(to.data)).toBe(before);
    for (let n = 10; n < 15; n++) {
        writeFileSync(join(data, `1/2/picture-${n}`), "is back");
    }
});

test("step 7: a connection that is cut in the middle leaves the live copy, and the next run goes on (S4-17)", async () => {
    writeFileSync(join(data, "1/huge"), Buffer.alloc(120_000_000, "0123456789abcdef"));
    const serving = readFileSync(live(to.data, "1/2/picture-3"), "utf8");
    const arriving = async () => {
        const folder = join(to.data, "generations");
        for (;;) {
            const there = readdirSync(folder).some((id) => existsSync(join(folder, id, "1/huge")) && id.length === 10);
            if (there) {
                return;
            }
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    };
    const cut = arriving().then(() => stage.machines.production.kill());
    const { status, output } = await stage.run("up", again(5));
    await cut;
    await stage.machines.production.start();
    expect(status).not.toBe(0);
    expect(output).toMatch(/host production/i);
    expect(readFileSync(live(to.data, "1/2/picture-3"), "utf8")).toBe(serving);
    expect(
        readdirSync(join(to.data, "generations")).some((id) => existsSync(join(to.data, "generations", id, "1/huge"))),
    ).toBe(false);
    const next = await stage.run("up", again(5));
    expect(next.status).toBe(0);
    expect(statSync(live(to.data, "1/huge")).size).toBe(120_000_000);
    for (const { folder } of Object.values(stage.machines)) {
        const names = readdirSync(join(folder, "var", `understudy-${stage.stack}`));
        expect(names.filter((name) => name !== "agent.cjs")).toEqual([]);
    }
    rmSync(join(data, "1/huge"));
});

test("step 8: a file that is older than its copy is another one", async () => {
    utimesSync(join(data, "1/2/picture-3"), 1_000, 1_000);
    const { status } = await stage.run("up", { ...again(6), removeMediaVolume: true });
    expect(status).toBe(0);
    expect(statSync(live(to.data, "1/2/picture-3")).mtimeMs).toBe(1_000_000);
});

test("step 9: a wipe takes the copies away where it is told to", async () => {
    const { status } = await stage.run("wipe", undefined, "--yes");
    expect(status).toBe(0);
    expect(readdirSync(to.data)).toEqual([]);
    expect(readdirSync(to.application)).toEqual([]);
    expect(existsSync(join(data, "1/2/picture-3"))).toBe(true);
});

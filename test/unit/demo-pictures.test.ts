import {
    chmod,
    link,
    lutimes,
    mkdir,
    mkdtemp,
    readdir,
    readFile,
    readlink,
    rename,
    rm,
    symlink,
    utimes,
    writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { treeDigest } from "../../demo/application/digest/tree";
import { largestUpload, mediaReachable, readPicture, rejection, storePicture } from "../../demo/application/pictures";
import { copyIcons } from "../../demo/application/seed/icons";

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
let folder: string;
let media: string;

beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "understudy-demo-"));
    media = path.join(folder, "media");
    await mkdir(path.join(media, "icons"), { recursive: true });
    await writeFile(path.join(media, "icons", "a.png"), png);
    await writeFile(path.join(folder, "secret.png"), png);
});

afterEach(() => rm(folder, { recursive: true }));

test("pictures are read, links inside the media followed, and nothing outside of it", async () => {
    await symlink("a.png", path.join(media, "icons", "inside.png"));
    await symlink("../../secret.png", path.join(media, "icons", "outside.png"));
    await writeFile(path.join(media, "icons", "index.theme"), "[Icon Theme]");
    expect((await readPicture(media, "icons/inside.png"))?.content).toEqual(png);
    for (const path of ["icons/outside.png", "../secret.png", "icons/index.theme", "icons/absent.png"])
        expect(await readPicture(media, path), path).toBeUndefined();
});

test("a stored picture replaces the former one by a new file, and leaves nothing temporary", async () => {
    const former = await storePicture(media, "nano", png);
    const target = path.join(media, former.path);
    await link(target, path.join(folder, "kept.png"));
    const changed = Buffer.concat([png, png]);
    const stored = await storePicture(media, "nano", changed);
    expect(stored.path).toBe(former.path);
    expect(stored.sha256).not.toBe(former.sha256);
    expect(await readFile(target)).toEqual(changed);
    expect(await readFile(path.join(folder, "kept.png")), "a hard link to the former file").toEqual(png);
    expect(await readdir(path.join(media, "uploads"))).toEqual(["nano.png"]);
});

test("only PNG pictures of bearable size are accepted", () => {
    expect(rejection(png)).toBeUndefined();
    expect(rejection(Buffer.alloc(0))).toMatch(/Choose a picture/);
    expect(rejection(Buffer.from("<svg onload=alert(1)>"))).toMatch(/not a PNG/);
    expect(rejection(Buffer.concat([png, Buffer.alloc(largestUpload)]))).toMatch(/larger than 2 MB/);
});

test("an empty mount point is not the media", async () => {
    expect(await mediaReachable(media)).toBe(true);
    expect(await mediaReachable(path.join(folder, "elsewhere"))).toBe(false);
    await rm(path.join(media, "icons", "a.png"));
    expect(await mediaReachable(media)).toBe(false);
});

test("an interrupted copy of the icons is begun again, and a finished one is left alone", async () => {
    const target = path.join(folder, "volume");
    await mkdir(path.join(target, ".icons.partial"), { recursive: true });
    await writeFile(path.join(target, ".icons.partial", "half.png"), "");
    await symlink("a.png", path.join(media, "icons", "link.png"));
    await copyIcons(path.join(media, "icons"), target);
    expect(await readdir(path.join(target, "icons"))).toEqual(["a.png", "link.png"]);
    expect(await readlink(path.join(target, "icons", "link.png"))).toBe("a.png");
    expect(await readFile(path.join(target, "icons", "a.png"))).toEqual(png);
    await writeFile(path.join(target, "icons", "added.png"), png);
    await copyIcons(path.join(media, "icons"), target);
    expect(await readdir(target)).toEqual(["icons"]);
    expect(await readdir(path.join(target, "icons"))).toContain("added.png");
});

test("the digest of a tree sees contents under an old time, modes, names and where links lead", async () => {
    const file = path.join(media, "icons", "a.png");
    const another = path.join(media, "icons", "b.png");
    const link = path.join(media, "icons", "link.png");
    await symlink("a.png", link);
    await lutimes(link, 1, 1);
    const changes = [
        () => utimes(file, 1, 1),
        () => writeFile(file, Buffer.from(png).reverse()).then(() => utimes(file, 1, 1)),
        () => chmod(file, 0o600),
        () => rename(file, another),
        () =>
            rm(link)
                .then(() => symlink("b.png", link))
                .then(() => lutimes(link, 1, 1)),
    ];
    const seen: string[] = [];
    for (const change of changes) {
        await change();
        await utimes(path.join(media, "icons"), 1, 1);
        seen.push(await treeDigest(media));
    }
    expect(new Set(seen).size).toBe(changes.length);
    expect(await treeDigest(media)).toBe(seen.at(-1));
});

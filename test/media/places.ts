import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    lstatSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CopyPlan, MediaPlan } from "../../contract";
import { filesHeader, type ListedFile, listedFile } from "../../contract/files";
import { mediaRules } from "../media-rules";

/** Folders of one test. */
export interface Places {
    /** Holds the others; to be removed in the end. */
    folder: string;
    /** Production's files: three, an empty folder, and a `lost+found` that is not part of them. */
    source: string;
    /** The replica's volume, as it comes from its storage class. */
    volume: string;
}

export const stack = "understudy/test";

/** Other groups, owners and mounts are for root alone to make. */
export const isRoot = process.getuid?.() === 0;

/** A run that nobody stops. */
export const never = new AbortController().signal;

export function makePlaces(): Places {
    const folder = mkdtempSync(join(tmpdir(), "understudy-media-"));
    const source = join(folder, "source");
    const volume = join(folder, "volume");
    mkdirSync(join(source, "a/b"), { recursive: true });
    mkdirSync(join(source, "empty"));
    mkdirSync(join(source, "lost+found"));
    mkdirSync(join(volume, "lost+found"), { recursive: true });
    writeFileSync(join(source, "lost+found/piece"), "not anybody's");
    writeFileSync(join(source, "picture.jpg"), Buffer.alloc(100_000, 7));
    writeFileSync(join(source, "a/b/note"), "a note", { mode: 0o600 });
    writeFileSync(join(source, "a/zero"), "");
    utimesSync(join(source, "picture.jpg"), 1_600_000_000.123456, 1_600_000_000.123456);
    return { folder, source, volume };
}

/** The part of a plan that is about media. */
export function planFor(
    { source, volume }: Places,
    generation: string,
    change: (media: MediaPlan) => void = () => undefined,
): CopyPlan {
    const rules = { ...structuredClone(mediaRules), minimumFiles: 3, group: process.getgid?.() ?? 0 };
    const media: MediaPlan = { generation, source, volume, ...rules };
    change(media);
    return { stack, media } as CopyPlan;
}

/** Gives what is new in a tree a whole second: Node sets no times finer than a microsecond. */
export function settle(root: string): void {
    const newer = [root, "-type", "f", "-newermt", "2024-01-01"];
    execFileSync("find", [...newer, "-exec", "touch", "-d", "@1700000000", "{}", "+"]);
}

/** Every name, kind, content and time of a tree, names as bytes. */
export function digest(root: string): string {
    const lines: string[] = [];
    const visit = (path: Buffer) => {
        const status = lstatSync(path);
        const name = path.subarray(Buffer.byteLength(root)).toString("hex");
        const time = status.isFile() ? status.mtimeMs : "";
        if (status.isSymbolicLink()) {
            lines.push(`${name} link ${readlinkSync(path)}`);
        } else if (status.isDirectory()) {
            lines.push(`${name} folder`);
            for (const child of readdirSync(path, { encoding: "buffer" })) {
                visit(Buffer.concat([path, Buffer.from("/"), child]));
            }
        } else if (status.isFile()) {
            lines.push(`${name} file ${time} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`);
        } else {
            lines.push(`${name} special`);
        }
    };
    visit(Buffer.from(root));
    return lines.sort().join("\n");
}

/** What a generation's file manifest says, by path; names that are no text by their bytes. */
export function manifestOf(path: string): Record<string, ListedFile> {
    const [header, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
    filesHeader.parse(JSON.parse(header ?? ""));
    const entries = lines.map((line) => listedFile.parse(JSON.parse(line)));
    return Object.fromEntries(entries.map((entry) => [entry.path ?? `0x${entry.bytes}`, entry]));
}

/** A file system of a kind in a file, mounted until the test ends. */
export function mountLoop(folder: string, make: string[]): { point: string; unmount: () => void } {
    const [image, point] = [join(folder, "image"), join(folder, "mounted")];
    mkdirSync(point);
    execFileSync("truncate", ["-s", "320M", image]);
    execFileSync(make[0] as string, [...make.slice(1), image], { stdio: "ignore" });
    execFileSync("mount", ["-o", "loop", image, point]);
    return { point, unmount: () => execFileSync("umount", [point]) };
}

/** Whether a program is there. */
export function isInstalled(program: string): boolean {
    return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, realpath, rename, rm } from "node:fs/promises";
import path from "node:path";

/** A picture as it is sent to a browser. */
export interface Picture {
    content: Buffer;
    contentType: string;
    /** Changes when the file does. */
    etag: string;
}

/** Largest picture that may be uploaded, in bytes. */
export const largestUpload = 2 * 1024 * 1024;

const contentTypes: Record<string, string> = { ".png": "image/png", ".svg": "image/svg+xml" };
const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Reads the picture at a path below the media root; anything outside of it, or of another kind, is not found. */
export async function readPicture(mediaRoot: string, relative: string): Promise<Picture | undefined> {
    const contentType = contentTypes[path.extname(relative)];
    if (!contentType) return undefined;
    const file = await insideOf(mediaRoot, relative);
    if (!file) return undefined;
    await using handle = await open(file);
    const { mtimeMs, size } = await handle.stat();
    return { content: await handle.readFile(), contentType, etag: `"${mtimeMs.toString(36)}-${size.toString(36)}"` };
}

/** The real path of a file below a folder, links followed; undefined if it is absent or leads out of the folder. */
async function insideOf(folder: string, relative: string): Promise<string | undefined> {
    try {
        const [root, file] = await Promise.all([realpath(folder), realpath(path.join(folder, relative))]);
        return file.startsWith(root + path.sep) ? file : undefined;
    } catch {
        return undefined;
    }
}

/**
 * Stores the picture of a package under a temporary name and renames it into place, so that nobody ever reads half
 * of it. A former picture of the package is replaced.
 *
 * @returns its path below the media root, and its SHA-256
 */
export async function storePicture(
    mediaRoot: string,
    packageName: string,
    content: Buffer,
): Promise<{ path: string; sha256: string }> {
    const relative = `uploads/${packageName}.png`;
    const temporary = path.join(mediaRoot, "uploads", `.${packageName}.${randomUUID()}.partial`);
    await mkdir(path.join(mediaRoot, "uploads"), { recursive: true });
    try {
        await writeDurably(temporary, content);
        await rename(temporary, path.join(mediaRoot, relative));
    } catch (error) {
        await rm(temporary, { force: true });
        throw error;
    }
    return { path: relative, sha256: createHash("sha256").update(content).digest("hex") };
}

async function writeDurably(file: string, content: Buffer): Promise<void> {
    await using handle = await open(file, "wx");
    await handle.writeFile(content);
    await handle.sync();
}

/** Why a file is not accepted as a picture, in a sentence; undefined if it is. */
export function rejection(content: Buffer): string | undefined {
    if (content.length === 0) return "Choose a picture first.";
    if (content.length > largestUpload) return "The picture is larger than 2 MB: choose a smaller one.";
    if (!content.subarray(0, 8).equals(pngSignature)) return "The file is not a PNG picture: choose one that is.";
    return undefined;
}

/** Whether the media is really there: an empty mount point is not. */
export async function mediaReachable(mediaRoot: string): Promise<boolean> {
    try {
        return (await readdir(path.join(mediaRoot, "icons"))).length > 0;
    } catch {
        return false;
    }
}

import type { Stats } from "node:fs";
import { join } from "node:path";
import { generationFiles, generationFolder, type MediaPlan } from "../../contract";
import { after, type Soon, unless } from "./after";
import { fileMode, ownerOf } from "./copy";
import { Folders } from "./folders";
import { type Known, readManifest } from "./manifest";
import { timeTolerance } from "./prove";
import type { Spool } from "./spool";
import type { FileEntry } from "./tree";
import { mediaGenerations } from "./volume";

/** The generation that the next one shares files with: the last that was completed. */
export class Former {
    private constructor(
        readonly tree: Folders,
        /** What its manifest knows; absent if that cannot be read. */
        readonly files: Spool<Known> | undefined,
        private readonly owner: number,
        private readonly media: MediaPlan,
    ) {}

    /** @returns undefined if there is none on the volume */
    static async open(media: MediaPlan): Promise<Former | undefined> {
        const { volume } = media;
        const last = (await mediaGenerations(volume)).find(({ completed }) => completed !== undefined);
        if (last === undefined) {
            return undefined;
        }
        const root = new Folders(volume);
        const files = await readManifest(root, generationFiles(last.id)).catch(() => undefined);
        await root.close();
        const tree = new Folders(join(volume, generationFolder(last.id)));
        return new Former(tree, files, await ownerOf(tree), media);
    }

    /**
     * Whether it has the same file, and can share it: what the application has put in its place is the application's, and
     * what it could edit has another mode than what may be shared.
     */
    has(file: FileEntry): Soon<boolean> {
        if (this.media.sharing === "copy") {
            return false;
        }
        const found = unless(
            () => this.tree.at(file.path, (full) => this.tree.calls.find(full)),
            () => undefined,
        );
        return after(found, (status) => status !== undefined && this.isSame(status, file));
    }

    private isSame(status: Stats, { size, mtime, mode }: FileEntry): boolean {
        const { sharing, group } = this.media;
        if (!status.isFile() || status.uid !== this.owner || status.size !== size) {
            return false;
        }
        const isAsItWouldBe = status.gid === group && (status.mode & 0o7777) === fileMode(mode, sharing);
        return (sharing === "clone" || isAsItWouldBe) && Math.abs(status.mtimeMs - mtime) < timeTolerance;
    }

    async close(): Promise<void> {
        this.files?.close();
        await this.tree.close();
    }
}

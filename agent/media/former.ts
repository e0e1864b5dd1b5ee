import type { Stats } from "node:fs";
import { join } from "node:path";
import { generationFiles, generationFolder, type MediaPlan } from "../../contract";
import { after, type Soon, unless } from "./after";
import { Folders } from "./folders";
import { type Known, readManifest } from "./manifest";
import type { Owners } from "./owners";
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
        private readonly sharing: MediaPlan["sharing"],
        private readonly owners: Owners,
    ) {}

    /**
     * @param owners whose the files of the next one are
     * @returns undefined if there is none on the volume
     */
    static async open({ volume, sharing }: MediaPlan, owners: Owners): Promise<Former | undefined> {
        const last = (await mediaGenerations(volume)).find(({ completed }) => completed !== undefined);
        if (last === undefined) {
            return undefined;
        }
        const root = new Folders(volume);
        const files = await readManifest(root, generationFiles(last.id)).catch(() => undefined);
        await root.close();
        return new Former(new Folders(join(volume, generationFolder(last.id))), files, sharing, owners);
    }

    /**
     * Whether it has the same file, and can share it: what another user has put in its place is that user's, and what is
     * one file for both has to have the owner and the permissions that it would get now.
     */
    has(file: FileEntry): Soon<boolean> {
        if (this.sharing === "copy") {
            return false;
        }
        const found = unless(
            () => this.tree.at(file.path, (full) => this.tree.calls.find(full)),
            () => undefined,
        );
        return after(found, (status) => status !== undefined && this.isSame(status, file));
    }

    private isSame(status: Stats, file: FileEntry): boolean {
        if (!status.isFile() || status.uid !== this.owners.of(file).uid || status.size !== file.size) {
            return false;
        }
        const isAsItWouldBe = this.sharing === "clone" || this.owners.fit(file, status);
        return isAsItWouldBe && Math.abs(status.mtimeMs - file.mtime) < timeTolerance;
    }

    async close(): Promise<void> {
        this.files?.close();
        await this.tree.close();
    }
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contents, readContents } from "./archive";
import type { Backup } from "./catalogue";
import { type Hashes, hashFiles } from "./manifest";
import type { Packing } from "./packing";
import { openPipes } from "./pipes";
import type { Place } from "./place";
import { outputOf, ProgramError } from "./program";

/** Whether any entry of a backup can be read without those before it. */
export function isSeekable({ mounted }: Backup, packing: Packing): boolean {
    return packing === "directory" || (packing === "custom" && mounted);
}

/** An archive of which pg_restore can read any entries, several times at once. */
export class SeekableArchive {
    private lists = 0;

    private constructor(
        private readonly backup: Backup,
        private readonly place: Place,
        /** A folder for the lists of entries. */
        private readonly scratch: string,
    ) {}

    /** Opens it; ends with {@link close}. */
    static async open(backup: Backup, signal: AbortSignal): Promise<SeekableArchive> {
        const place = backup.mounted ? mounted(backup, signal) : await openPipes(backup, signal);
        return new SeekableArchive(backup, place, await mkdtemp(join(tmpdir(), "understudy-lists-")));
    }

    /** @throws {ProgramError} when pg_restore cannot read it */
    contents(): Promise<Contents> {
        const { path, signal } = this.place;
        return readContents(path, this.backup.folder ?? [], signal).catch((error) => {
            throw this.named(error);
        });
    }

    /** The SQL of some entries, in their order. */
    async *sqlOf(entries: string[]): AsyncGenerator<Buffer> {
        const { path, signal } = this.place;
        this.lists += 1;
        const list = join(this.scratch, String(this.lists));
        await writeFile(list, entries.join("\n"), "latin1");
        await this.place.expect(entries);
        try {
            yield* outputOf("pg_restore", [`--use-list=${list}`, "--file=-", "--", path], { signal });
        } catch (error) {
            throw this.named(error);
        }
    }

    /** SHA-256 of all of its files, once no entry is read any more. */
    hashes(): Promise<Hashes> {
        return this.place.hashes();
    }

    /** What pg_restore says, with the backup's own path. */
    private named(error: unknown): unknown {
        return error instanceof ProgramError
            ? new ProgramError(error.message.replaceAll(this.place.path, this.backup.path))
            : error;
    }

    async close(): Promise<void> {
        await this.place.close();
        // When one connection has failed, another may write its list yet: the folder goes with the pod then.
        await rm(this.scratch, { recursive: true, force: true }).catch(() => undefined);
    }
}

/** A backup that the file system has. Its files are hashed at once: what is read twice at the same time is cached. */
function mounted(backup: Backup, signal: AbortSignal): Place {
    const hashing = hashFiles(backup, signal);
    // Whoever waits for it hears of it.
    hashing.catch(() => undefined);
    return { path: backup.path, signal, expect: async () => {}, hashes: () => hashing, close: async () => {} };
}

import type { Soon } from "./after";
import type { Bring } from "./copy";
import type { Known } from "./manifest";
import type { Spool } from "./spool";
import type { Entry, FolderEntry, Objection } from "./tree";

/** Where production keeps its media: a folder, or a bucket. */
export interface Source {
    /**
     * Waits until production's side is not changing it.
     *
     * @param patience seconds
     * @throws {Refusal} when that takes longer
     */
    begin(patience: number, signal: AbortSignal): Promise<void>;
    /** When production's side had published what stood there then, as ISO time; undefined if nobody tells. */
    published(): string | undefined;
    /** Whether production's side has changed it since then. */
    isOvertaken(): Promise<boolean>;
    /**
     * Tells of everything in it, and of what may not be copied.
     *
     * @throws {Refusal} when it cannot be read
     */
    read(
        each: (entry: Entry) => Soon<void>,
        object: (objection: Objection) => void,
        signal: AbortSignal,
    ): Promise<void>;
    /**
     * What its file manifest knows.
     *
     * @returns undefined if it has none
     * @throws {Refusal} when it cannot be read
     */
    manifest(): Promise<Spool<Known> | undefined>;
    bring: Bring;
    /** Whether it knows whose files are in production, and with which permissions. */
    hasOwners: boolean;
    /**
     * The root itself.
     *
     * @returns undefined if it is not production's own folder
     */
    root(): Promise<FolderEntry | undefined>;
    close(): Promise<void>;
}

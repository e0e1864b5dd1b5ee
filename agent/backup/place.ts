import type { Hashes } from "./manifest";

/** Where pg_restore finds an archive. */
export interface Place {
    path: string;
    /** Ends what reads there, with the reason, once the archive cannot be read any more. */
    signal: AbortSignal;
    /** Is told of the entries that pg_restore is about to read, in that order. */
    expect(entries: string[]): Promise<void>;
    /** SHA-256 of all files, once nothing reads there any more. */
    hashes(): Promise<Hashes>;
    close(): Promise<void>;
}

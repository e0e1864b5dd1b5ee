import type { AnyManifest } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import type { Watch } from "../report";
import { mysqlDumper } from "./mysql";
import { postgresDumper } from "./postgres";

/** One dump of a run. */
export interface DumpOrder {
    /** A database, or a whole server. */
    subject: string;
    stamp: string;
    /** Tag of production's workload, if it is known. */
    imageTag: string | undefined;
    /** Folder in which the backup is to stand; it is written beside that, under its partial name. */
    folder: string;
    watch: Watch;
}

/** What dumps production's databases, whichever engine they have. */
export interface Dumper {
    /** What is dumped under one stamp. */
    subjects: string[];
    /**
     * Dumps one of them.
     *
     * @returns what it has come to
     * @throws {Error} one sentence when it fails; what is there then is removed by the next run
     */
    dump(order: DumpOrder): Promise<AnyManifest>;
    /** Removes the file with the password. */
    close(): Promise<void>;
}

/**
 * Makes ready what a plan dumps.
 *
 * @throws {Refusal} when the programs are not there, or not of the server's version
 * @throws {Error} one sentence when the server cannot be asked
 */
export function openDumper(plan: Publication, signal: AbortSignal): Promise<Dumper> {
    return plan.engine === "mysql" ? mysqlDumper(plan, signal) : postgresDumper(plan, signal);
}

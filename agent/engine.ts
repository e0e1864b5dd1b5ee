import { copyPlan, type Plan } from "../contract";
import type { commandAt } from "../contract/hooks";
import { isMysql, type ReplicaPlan } from "../contract/mysql";
import type { References } from "../contract/report";
import type { Survey } from "../contract/survey";
import { backupsOf } from "./backup/catalogue";
import { mysqlEngine } from "./mysql/engine";
import { countInUse } from "./neutral/identity/count";
import { proposeMasking } from "./neutral/mask/proposal";
import { runHooksOnce } from "./neutral/once";
import { openLive } from "./postgres/live";
import * as postgres from "./postgres/look";
import { prepareDatabase } from "./postgres/restore";
import { retireDatabases } from "./postgres/retire";
import { switchDatabase } from "./postgres/switch";
import { wipeDatabases } from "./postgres/wipe";
import { compareReferences, namedByRows } from "./references";

/** What became of the generations that are no longer asked for. */
export interface Retired {
    removed: string[];
    /** Those that somebody is connected to. */
    inUse: string[];
    /** Bases that went. */
    bases: string[];
}

/** The live databases, as they are sent to whoever makes a bundle. */
export interface LiveDatabases {
    /** What the server says of its version. */
    version: string;
    /** SQL, packed with gzip, that makes a database anew on a server that has none of its name. */
    dump(name: string): AsyncIterable<Buffer>;
    /** Removes what the dumps have needed. */
    close(): Promise<void>;
}

/** What is done with a replica's database, whichever engine it has. */
export interface Engine {
    prepare(signal: AbortSignal): Promise<string>;
    switch(signal: AbortSignal): Promise<string>;
    retire(signal: AbortSignal): Promise<Retired>;
    /** Removes all of the stack's databases from a server that stays. */
    wipe(signal: AbortSignal): Promise<string>;
    hooks(point: keyof typeof commandAt, signal: AbortSignal): Promise<string>;
    references(signal: AbortSignal): Promise<References | undefined>;
    backups(): ReturnType<typeof backupsOf>;
    /** What stands on its server. */
    found(): Promise<Pick<Survey, "databases" | "bases">>;
    /** @throws {Refusal} when the program is not there that dumps them */
    live(signal: AbortSignal): Promise<LiveDatabases>;
    /** Bytes that are left under its server; undefined if nobody knows. */
    room(): Promise<number | undefined>;
    proposeMasking(signal: AbortSignal): Promise<string>;
    countRewrites(signal: AbortSignal): Promise<string>;
}

/** The engine of a plan's database. */
export function engineOf(plan: ReplicaPlan): Engine {
    return isMysql(plan) ? mysqlEngine(plan) : postgresEngine(plan);
}

function postgresEngine(plan: Plan): Engine {
    const copies = copyPlan(plan);
    return {
        prepare: (signal) => prepareDatabase(plan, signal),
        switch: (signal) => switchDatabase(plan, signal),
        retire: (signal) => retireDatabases(plan, signal),
        wipe: (signal) => wipeDatabases(plan, signal),
        hooks: (point, signal) => runHooksOnce(point, plan, signal),
        references: async (signal) =>
            copies && compareReferences(copies, (asked) => namedByRows(copies, asked, signal)),
        backups: () => backupsOf(plan.database),
        found: () => postgres.onServer(plan),
        live: (signal) => openLive(plan, signal),
        room: () => postgres.roomForDatabase(plan),
        proposeMasking: (signal) => proposeMasking(plan, signal),
        countRewrites: (signal) => countInUse(plan, signal),
    };
}

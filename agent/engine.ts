import { copyPlan, type Plan } from "../contract";
import type { commandAt } from "../contract/hooks";
import type { MysqlPlan } from "../contract/mysql";
import type { References } from "../contract/report";
import type { Survey } from "../contract/survey";
import { backupsOf } from "./backup/catalogue";
import { wanted } from "./mysql/guard";
import * as mysql from "./mysql/look";
import { countInUse as countInMysql } from "./mysql/neutral/count";
import { runHooksOnce as runMysqlHooksOnce } from "./mysql/neutral/once";
import { proposeMasking as proposeMysqlMasking } from "./mysql/neutral/proposal";
import { namedByRows as namedByMysql } from "./mysql/references";
import { prepareDatabase as prepareMysql } from "./mysql/restore";
import { retireDatabases as retireMysql } from "./mysql/retire";
import { switchDatabase as switchMysql } from "./mysql/switch";
import { countInUse } from "./neutral/identity/count";
import { proposeMasking } from "./neutral/mask/proposal";
import { runHooksOnce } from "./neutral/once";
import * as postgres from "./postgres/look";
import { prepareDatabase } from "./postgres/restore";
import { retireDatabases } from "./postgres/retire";
import { switchDatabase } from "./postgres/switch";
import { compareReferences, namedByRows } from "./references";

/** The plan of a replica, whichever engine its database has. */
export type ReplicaPlan = Plan | MysqlPlan;

/** What became of the generations that are no longer asked for. */
export interface Retired {
    removed: string[];
    /** Those that somebody is connected to. */
    inUse: string[];
    /** Bases that went. */
    bases: string[];
}

/** What is done with a replica's database, whichever engine it has. */
export interface Engine {
    prepare(signal: AbortSignal): Promise<string>;
    switch(signal: AbortSignal): Promise<string>;
    retire(signal: AbortSignal): Promise<Retired>;
    hooks(point: keyof typeof commandAt, signal: AbortSignal): Promise<string>;
    references(signal: AbortSignal): Promise<References | undefined>;
    backups(): ReturnType<typeof backupsOf>;
    /** What stands on its server. */
    found(): Promise<Pick<Survey, "databases" | "bases">>;
    /** Bytes that are left under its server; undefined if nobody knows. */
    room(): Promise<number | undefined>;
    proposeMasking(signal: AbortSignal): Promise<string>;
    countRewrites(signal: AbortSignal): Promise<string>;
}

/** The engine of a plan's database. */
export function engineOf(plan: ReplicaPlan): Engine {
    return isMysql(plan) ? mysqlEngine(plan) : postgresEngine(plan);
}

function isMysql(plan: ReplicaPlan): plan is MysqlPlan {
    return "engine" in plan.database;
}

function postgresEngine(plan: Plan): Engine {
    const copies = copyPlan(plan);
    return {
        prepare: (signal) => prepareDatabase(plan, signal),
        switch: (signal) => switchDatabase(plan, signal),
        retire: (signal) => retireDatabases(plan, signal),
        hooks: (point, signal) => runHooksOnce(point, plan, signal),
        references: async (signal) =>
            copies && compareReferences(copies, (asked) => namedByRows(copies, asked, signal)),
        backups: () => backupsOf(plan.database),
        found: () => postgres.onServer(plan),
        room: () => postgres.roomForDatabase(plan),
        proposeMasking: (signal) => proposeMasking(plan, signal),
        countRewrites: (signal) => countInUse(plan, signal),
    };
}

function mysqlEngine(plan: MysqlPlan): Engine {
    const copies = copyPlan(plan);
    return {
        prepare: (signal) => prepareMysql(plan, signal),
        switch: (signal) => switchMysql(plan, signal),
        retire: async (signal) => ({ ...(await retireMysql(plan, signal)), bases: [] }),
        hooks: (point, signal) => runMysqlHooksOnce(point, plan, signal),
        references: async (signal) =>
            copies && compareReferences(copies, (asked) => namedByMysql(copies, asked, signal)),
        backups: () => backupsOf(wanted(plan)),
        found: () => mysql.onServer(plan),
        room: () => mysql.roomForDatabase(plan),
        proposeMasking: (signal) => proposeMysqlMasking(plan, signal),
        countRewrites: (signal) => countInMysql(plan, signal),
    };
}

import { type DatabasePlan, inProduction } from "../../../contract";
import type { DumpedDatabase } from "../../../contract/manifest";
import type { DatabaseReport } from "../../../contract/report";
import type { Checked } from "../../backup/checked";
import type { Match } from "../base";

/** A base of an earlier backup, and by database the tables whose rows are others by now. */
export interface Near extends Match {
    changed: Map<string, string[]>;
}

/** Share of all rows, in bytes, beyond which it takes as long to reload tables as to restore everything. */
const most = 0.5;

/**
 * The tables whose rows in a backup are not those that were loaded from an earlier one.
 *
 * @param loaded what was proven of the earlier one
 * @param facts what the backup's manifest says
 * @returns undefined where a table is not all that differs, where that cannot be known, and where most of it differs
 */
export function changedTables(loaded: DatabaseReport, facts: DumpedDatabase): string[] | undefined {
    if (loaded.schema !== facts.schema) {
        return undefined;
    }
    const changed = Object.entries(facts.tables).filter(([name, { rows, sha256 }]) => {
        const before = loaded.tables[name];
        return before?.sha256 !== sha256 || before.rows !== rows;
    });
    return bytesOf(changed) > most * bytesOf(Object.entries(facts.tables)) ? undefined : changed.map(([name]) => name);
}

/** The base of an earlier backup that is the nearest to these, if any is near enough. */
export function nearestBase(matches: Match[], plan: DatabasePlan, backups: Checked[]): Near | undefined {
    const near = matches.flatMap((match) => nearOf(match, plan, backups) ?? []);
    return near.sort((a, b) => a.bytes - b.bytes)[0];
}

function nearOf(match: Match, plan: DatabasePlan, backups: Checked[]): (Near & { bytes: number }) | undefined {
    const changed: Near["changed"] = new Map();
    let bytes = 0;
    for (const [at, wanted] of plan.databases.entries()) {
        const { name } = wanted;
        const report = match.templates.get(name)?.report;
        const facts = backups[at]?.facts?.databases[inProduction(wanted).name];
        const tables = report && facts && changedTables(report, facts);
        if (tables === undefined) {
            return undefined;
        }
        changed.set(name, tables);
        bytes += bytesOf(tables.map((table) => [table, facts?.tables[table] ?? { bytes: 0 }]));
    }
    return { ...match, changed, bytes };
}

function bytesOf(tables: [string, { bytes: number }][]): number {
    return tables.reduce((sum, [, { bytes }]) => sum + bytes, 0);
}

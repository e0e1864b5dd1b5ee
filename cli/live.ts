/** What is live, in words: the report at the end of an update, and a part of the status. */
import { ageOf } from "../agent/backup/age";
import { formatAge, formatBytes, plural } from "../agent/report";
import type { Live } from "../contract/event";
import type { IdentityReport } from "../contract/identity";
import { type DatabaseReport, rowsIn } from "../contract/report";
import { type Row, table } from "../table";

/** The live copy of the database. */
export function databaseRows({ id, report, awayMs, others }: Live["database"], now = Date.now()): Row[] {
    if (report === null) {
        return [["database", `generation ${id}`]];
    }
    const { stamp, tables, backupBytes, databaseBytes, phases } = report;
    const away = awayMs === null ? "" : `; away for ${awayMs} ms`;
    const beside = others.map((other): Row => {
        const held = rowsIn(other.report?.tables ?? {});
        return [
            "beside it",
            `${other.name}, from backup ${other.report?.stamp ?? "(not known)"}: ${plural(held, "row")}`,
        ];
    });
    return [
        ["database", `generation ${id}, from backup ${stamp} (${formatAge(ageOf(stamp, now))} old)`],
        [
            "loaded",
            `${plural(rowsIn(tables), "row")} in ${plural(Object.keys(tables).length, "table")}, ${formatBytes(databaseBytes)} out of ` +
                `${formatBytes(backupBytes)}; ${describePhases(phases)}${away}`,
        ],
        ...neutralRows([report, ...others.flatMap((other) => other.report ?? [])]),
        ...beside,
    ];
}

/** What was done to the databases of a copy before it was used. */
function neutralRows(reports: DatabaseReport[]): Row[] {
    const columns = reports.flatMap(({ masked }) => Object.keys(masked?.columns ?? {}));
    const hooks = reports.flatMap((report) => report.hooks ?? []);
    const identities = reports.flatMap(({ identity }) => identity ?? []);
    const masked: Row = ["masked", `${plural(columns.length, "column")} of people's data`];
    const ran: Row = ["hooks", hooks.map(({ name, rows }) => `${name} (${plural(rows, "row")})`).join(", ")];
    return [
        ...(identities.length > 0 ? [["identity", describeIdentity(identities)] satisfies Row] : []),
        ...(columns.length > 0 ? [masked] : []),
        ...(hooks.length > 0 ? [ran] : []),
    ];
}

/** What made the databases the replica's own, and what of it could not be done. */
function describeIdentity(reports: IdentityReport[]): string {
    const rewritten = reports.flatMap((report) => Object.values(report.rewritten));
    const set = reports.flatMap((report) => report.set.map(({ rows }) => rows));
    const preserved = reports.flatMap((report) => Object.entries(report.preserved));
    const kept = preserved.flatMap(([, rows]) => (typeof rows === "number" ? [rows] : []));
    const done = [
        `${plural(total(rewritten), "value")} rewritten in ${plural(rewritten.length, "column")}`,
        `${plural(reports.flatMap(({ emptied }) => emptied).length, "table")} emptied`,
        `${plural(total(set), "row")} set`,
        `${plural(total(reports.map(({ raised }) => raised)), "sequence")} raised`,
        `${plural(total(kept), "row")} kept`,
    ];
    return [
        done.join(", "),
        ...preserved.flatMap(([table, why]) => (typeof why === "string" ? [`nothing kept of ${table}: ${why}`] : [])),
        ...reports.flatMap(({ tooShort }) => tooShort.map((name) => `sequence ${name} ends before the floor`)),
    ].join("; ");
}

function total(counts: number[]): number {
    return counts.reduce((sum, count) => sum + count, 0);
}

/** The live copy of the media; or where production's own are read in its place, if that is known. */
export function mediaRows({ id, completed, report }: Live["media"], from?: string | null): Row[] {
    if (completed === null) {
        return [["media", `production's own, ${from == null ? "read where they are" : `read-only, from ${from}`}`]];
    }
    const row: Row = ["media", `generation ${id}, complete since ${completed}`];
    if (report === null) {
        return [row];
    }
    const { files, bytes, linked, phases } = report;
    const shared = `${linked.toLocaleString("en-US")} of them unchanged and shared`;
    return [row, ["copied", `${plural(files, "file")}, ${formatBytes(bytes)}, ${shared}; ${describePhases(phases)}`]];
}

/** How rows and files belong together; nothing if nobody asked for it. */
export function referenceRows(references: Live["references"]): Row[] {
    if (references === undefined) {
        return [];
    }
    const { named, missing, examples, orphans } = references;
    const lost = missing === 0 ? "all there" : `${missing.toLocaleString("en-US")} missing, such as ${examples[0]}`;
    return [["in rows", `${plural(named, "file")} named, ${lost}; ${plural(orphans, "file")} named by none`]];
}

/** The report at the end of an update that took so many seconds. */
export function describeLive(
    { database, media, references }: Live,
    url: string | undefined,
    seconds: number,
    now = Date.now(),
): string {
    const took: Row = ["took", formatAge(seconds)];
    return table([
        ["live", url ?? "without an application"],
        ...databaseRows(database, now),
        ...mediaRows(media),
        ...referenceRows(references),
        took,
    ]);
}

function describePhases(phases: { name: string; seconds: number }[]): string {
    return phases.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`).join(", ");
}

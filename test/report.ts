import type { DatabaseReport } from "../contract/report";

/** What a restore of two tables has left behind. */
export const report: DatabaseReport = {
    dump: "database",
    backup: "backup-2026-11-20T02:04:01Z-shop.sql.gz",
    stamp: "2026-11-20T02:04:01Z",
    backupBytes: 1024,
    databaseBytes: 8192,
    sha256: "",
    tables: { "public.item": { rows: 1200, bytes: 14_400 }, "public.empty": { rows: 0, bytes: 0 } },
    largeObjects: 0,
    sequences: 0,
    extensions: { plpgsql: "1.0" },
    proof: [],
    unknown: [],
    skipped: [],
    leftOut: [],
    phases: [
        { name: "load", seconds: 3.21 },
        { name: "prove", seconds: 0.04 },
    ],
};

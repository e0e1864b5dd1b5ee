import type { DatabaseReport } from "../contract/report";

/** What a restore of two tables has left behind. */
export const report: DatabaseReport = {
    dump: "database",
    backup: "backup-2026-11-20T02:04:01Z-shop.sql.gz",
    stamp: "2026-11-20T02:04:01Z",
    backupBytes: 1024,
    databaseBytes: 8192,
    sha256: "",
    tables: { "public.item": 1200, "public.empty": 0 },
    largeObjects: 0,
    sequences: 0,
    proof: [],
    unknown: [],
    skipped: [],
    leftOut: [],
    phases: [
        { name: "load", seconds: 3.21 },
        { name: "prove", seconds: 0.04 },
    ],
};

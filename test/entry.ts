import type { CatalogueEntry } from "../contract/manifest";

/** A line of production's catalogue. */
export function entry(stamp: string, subject = "shop"): CatalogueEntry {
    return {
        tier: "hourly",
        backup: `backup-${stamp}-${subject}`,
        stamp,
        subject,
        format: "directory",
        bytes: 1024,
        databaseBytes: 4096,
        rows: 1250,
        server: "15.20",
        systemIdentifier: "1",
        imageTag: "1.0",
        manifest: "0".repeat(64),
    };
}

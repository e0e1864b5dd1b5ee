import { describe, expect, it } from "vitest";
import { describePreview } from "../../../cli/preview";
import { generationsOf } from "../../../components/generations";
import type { Sighting } from "../../../sighting";
import { live, now, settings } from "./seen";

/** A line of production's catalogue. */
const entry = (stamp: string, rows: number, databaseBytes: number) => ({
    tier: "hourly" as const,
    backup: `backup-${stamp}-shop`,
    stamp,
    subject: "shop",
    format: "directory" as const,
    bytes: 1024,
    databaseBytes,
    rows,
    server: "15.20",
    systemIdentifier: "1",
    imageTag: "1.0",
    manifest: "0".repeat(64),
});

describe("a preview", () => {
    const asked = generationsOf(settings);
    const before = { database: "00000000aa", media: "00000000bb" };
    const lines = (sighting: Sighting | undefined, changes = {}) =>
        describePreview(settings, { sighting, live: undefined }, changes).split("\n");

    it("says what is refreshed from which backup, and what becomes of what is there", () => {
        const application = { image: "shop:0.9", generations: before };
        expect(lines({ live: before, application }, { create: 2, replace: 5, same: 20, "delete-replaced": 5 })).toEqual(
            [
                `database   is refreshed from backup 2026-11-20T02:04:01Z: generation ${asked.database} in place of ` +
                    "00000000aa, at once if it is still there; 1 former copy is kept",
                `media      is copied from production: generation ${asked.media} in place of 00000000bb, at once if it ` +
                    "is still there; 1 former copy is kept",
                "image tag  1.0 takes the place of 0.9",
                "objects    2 made, 5 made anew, 20 unchanged",
                "a wipe     would keep 1 volume: media",
            ],
        );
    });

    it("tells of a published backup, and how it differs from what is loaded", () => {
        const text = (rows: number, databaseBytes: number) => {
            const catalogue = [entry("2026-11-20T02:04:01Z", rows, databaseBytes), entry("2026-11-20T04:04:01Z", 1, 1)];
            const sighting = { live: before, catalogue };
            return describePreview(settings, { sighting, live }, {}, now).split("\n");
        };
        expect(text(1250, 4096).slice(1, 3)).toEqual([
            "backup     2026-11-20T02:04:01Z (3 h old): 1,250 rows, 4.0 KiB, stored in 1.0 KiB, of PostgreSQL 15.20, made " +
                "under tag 1.0",
            "changes    50 rows more and 4.0 KiB less than in what is loaded, backup 2026-11-20T02:04:01Z (3 h old), " +
                "which took 3.3 s",
        ]);
        expect(text(1199, 8192)[2]).toMatch(/^changes +1 row less and 0 bytes more than/);
    });

    it("of a database that stays tells how old it is, and which backup is newer", () => {
        const stays = (stamp: string) => {
            const sighting = { live: asked, catalogue: [entry(stamp, 1, 1)] };
            return describePreview(settings, { sighting, live }, {}, now).split("\n");
        };
        expect(stays("2026-11-20T04:04:01Z").slice(1, 3)).toEqual([
            "loaded     backup 2026-11-20T02:04:01Z (3 h old)",
            "newer      backup 2026-11-20T04:04:01Z (1 h old)",
        ]);
        expect(stays("2026-11-20T02:04:01Z")[2]).toMatch(/^media/);
    });

    it("says what stays as it is", () => {
        const text = lines({ live: asked, application: { image: "shop:1.0", generations: asked } });
        expect(text[0]).toBe(`database   stays as it is, generation ${asked.database}`);
        expect(text[1]).toBe(`media      stays as it is, generation ${asked.media}`);
        expect(text[2]).toBe("image tag  1.0");
    });

    it("takes what the application mounts for live when the last switch has failed", () => {
        expect(lines({ application: { image: "shop:1.0", generations: asked } })[0]).toMatch(/stays as it is/);
    });

    it("says that it is the first one, or that it could not look", () => {
        expect(lines({})[0]).toMatch(/generation \w+, the first one$/);
        expect(lines(undefined)[0]).toMatch(/what is live could not be looked at$/);
    });
});

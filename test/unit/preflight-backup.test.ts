import { describe, expect, it } from "vitest";
import { generationsOf } from "../../components/generations";
import { backupObjections } from "../../preflight/backup";
import type { Settings } from "../../settings";
import type { Sighting } from "../../sighting";
import { entry } from "../entry";
import { live, now, settings } from "./cli/seen";

const stamps = ["2026-11-20T04:04:01Z", "2026-11-20T03:04:01Z", "2026-11-20T02:04:01Z", "2026-11-20T01:04:01Z"];
const [newest = "", second = ""] = stamps;
const catalogue = stamps.map((stamp) => entry(stamp));

/** What is seen of a replica on which another copy is live, and nothing else is kept. */
const standing: Sighting = { live: { database: "00000000aa", media: "00000000bb" }, report: live, catalogue };

describe("the backup that is asked for", () => {
    const asking = (backup: string, more: Partial<Settings["database"]> = {}): Settings => ({
        ...settings,
        source: { ...settings.source, namespace: "production" },
        database: { ...settings.database, backup, ...more },
    });
    const objections = (backup: string, sighting = standing, more: Partial<Settings["database"]> = {}) =>
        backupObjections(asking(backup, more), sighting, now);

    it("may be any that the catalogue lists, or the latest", () => {
        expect(objections(newest)).toEqual([]);
        expect(objections(second)).toEqual([]);
        expect(objections("latest")).toEqual([]);
    });

    it("is refused when the catalogue does not know it, with the newest that it knows", () => {
        expect(objections("2026-11-20T03:04:02Z")).toEqual([
            "The catalogue of production's backups (ConfigMap understudy-catalogue in production) has no hourly backup of " +
                "database shop with stamp 2026-11-20T03:04:02Z; the newest are 2026-11-20T04:04:01Z, 2026-11-20T03:04:01Z, " +
                "2026-11-20T02:04:01Z: set database.backup to one of these, or to latest.",
        ]);
    });

    it("is refused when it is in a later tier alone, which no replica reads", () => {
        const daily = [...catalogue.slice(0, 1), { ...entry(second), tier: "daily" as const }];
        expect(objections(second, { ...standing, catalogue: daily }).join()).toMatch(/has no hourly backup/);
    });

    it("may be newer than the catalogue, or one of a database that it does not list, as another schedule makes them", () => {
        expect(objections("2026-11-20T04:30:00Z")).toEqual([]);
        expect(objections("2026-11-20T03:04:02Z", { ...standing, catalogue: [entry(newest, "audit")] })).toEqual([]);
        const { catalogue: _, ...unpublished } = standing;
        expect(objections("2026-11-20T03:04:02Z", unpublished)).toEqual([]);
    });

    it("is refused when it is older than it may be, named or the latest", () => {
        const limit = { maximumAge: 3000 };
        expect(objections(newest, standing, limit)).toEqual([
            "The backup of database shop, 2026-11-20T04:04:01Z, is 1 h old, and the limit is 50 min: look why there is no " +
                "newer one, or raise database.maximumAge.",
        ]);
        expect(objections("latest", standing, limit).join()).toMatch(
            /^The latest backup of database shop, .* is 1 h old/,
        );
        const { catalogue: _, ...unpublished } = standing;
        expect(objections(newest, unpublished, limit).join()).toMatch(/is 1 h old/);
        expect(objections("latest", unpublished, limit)).toEqual([]);
    });

    it("is refused when it is of the future, beyond what clocks differ by", () => {
        expect(objections("2026-11-20T06:04:01Z").join()).toMatch(/is dated 1 h in the future/);
        expect(objections("2026-11-20T05:08:00Z")).toEqual([]);
    });

    it("may be anything where its copy is live, is kept, or may be there for all that can be seen", () => {
        const old = "2026-11-01T00:00:00Z";
        const wanted = generationsOf(asking(old));
        expect(objections(old)).toHaveLength(1);
        expect(objections(old, { ...standing, live: wanted })).toEqual([]);
        expect(objections(old, { ...standing, report: { ...live, kept: [wanted.database] } })).toEqual([]);
        const { report: _, ...unread } = standing;
        expect(objections(old, unread)).toEqual([]);
        const claim = { size: "2Gi", accessModes: [], since: "" };
        expect(objections(old, { catalogue, claims: { database: claim } })).toEqual([]);
        expect(objections(old, { catalogue, claims: {} })).toHaveLength(1);
    });

    it("is that of the whole server where that is dumped, and each database's where there are several", () => {
        const unlisted = "2026-11-20T03:00:00Z";
        const server = { dump: "server" as const };
        expect(objections(unlisted, standing, server)).toEqual([]);
        const dumps = { ...standing, catalogue: [entry(newest, "dumpall")] };
        expect(objections(unlisted, dumps, server).join()).toMatch(/of a whole server with stamp/);
        const several = { others: [{ name: "audit", owner: "auditor" }] };
        const both = { ...standing, catalogue: [...catalogue, entry(newest, "audit")] };
        expect(objections(newest, both, several)).toEqual([]);
        expect(objections(second, both, several).join()).toMatch(/of database audit with stamp/);
        const elsewhere = { others: [{ name: "audit", owner: "auditor", production: { name: "ledger" } }] };
        expect(
            objections(second, { ...both, catalogue: [...catalogue, entry(newest, "ledger")] }, elsewhere).join(),
        ).toMatch(/of database ledger with stamp/);
    });
});

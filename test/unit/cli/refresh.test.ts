import { describe, expect, it } from "vitest";
import { applied, refreshed, upToDate } from "../../../cli/refresh";
import { backups, now as later, live, settings } from "./seen";

describe("a refresh", () => {
    const now = new Date("2026-11-20T05:00:00.123Z");
    const both = { "database.backup": "2026-11-20T04:04:01Z", "media.refresh": "2026-11-20T05:00:00Z" };
    it.each([
        ["of both", {}, both],
        ["of the database", { only: "database" as const }, { "database.backup": both["database.backup"] }],
        ["of the media", { only: "media" as const }, { "media.refresh": both["media.refresh"] }],
        [
            "to the backup that is asked for already",
            { only: "database" as const, to: "2026-11-20T02:04:01Z" },
            { "database.refresh": "2026-11-20T05:00:00Z" },
        ],
    ])("%s writes what has to be different", (_, request, changes) => {
        expect(refreshed(settings, { backups, problems: [] }, request, now)).toEqual(changes);
    });

    it("of a database that is asked for from the newest backup writes nothing", () => {
        const newest = applied(settings, { "database.backup": both["database.backup"] });
        expect(refreshed(newest, { backups, problems: [] }, { only: "database" }, now)).toEqual({});
    });

    it("leads to the settings that its changes say, and leaves the present ones alone", () => {
        const wanted = applied(settings, { "database.backup": "latest", imageTag: "2.0" });
        expect(wanted).toEqual({
            ...settings,
            imageTag: "2.0",
            database: { ...settings.database, backup: "latest" },
        });
        expect(settings.imageTag).toBe("1.0");
    });

    it("to a stamp that is of no backup names those that there are", () => {
        expect(() => refreshed(settings, { backups, problems: [] }, { to: "2020-01-01T00:00:00Z" })).toThrow(
            "There is no backup with stamp 2020-01-01T00:00:00Z: the newest are 2026-11-20T04:04:01Z, 2026-11-20T02:04:01Z.",
        );
    });

    it("from a store without backups says why there are none", () => {
        expect(() => refreshed(settings, { backups: [], problems: ["The store is empty."] }, {})).toThrow(
            "There is no backup: The store is empty.",
        );
    });
});

describe("a refresh that wants newer data only", () => {
    const survey = { backups, databases: [live.database], bases: [], media: [], problems: [] };
    const [newest, loaded] = backups;

    it("goes on where the newest backup is not the one that is loaded, whatever the stack file asks for", () => {
        expect(upToDate(survey, later)).toBeUndefined();
    });

    it("says in one line that there is nothing newer, also where the newer ones are gone from the store", () => {
        const line = "Nothing is newer than what is loaded: backup 2026-11-20T02:04:01Z (3 h old).";
        expect(upToDate({ ...survey, backups: loaded === undefined ? [] : [loaded] }, later)).toBe(line);
        const older = { stamp: "2026-11-19T02:04:01Z", bytes: 10, age: 60 };
        expect(upToDate({ ...survey, backups: [older] }, later)).toBe(line);
    });

    it("goes on where nobody knows what is loaded, or what there is: the refresh says why", () => {
        expect(upToDate({ ...survey, backups: [] }, later)).toBeUndefined();
        expect(upToDate({ ...survey, databases: [] }, later)).toBeUndefined();
        const former = { ...live.database, state: "former" as const };
        expect(
            upToDate({ ...survey, backups: newest === undefined ? [] : [newest], databases: [former] }),
        ).toBeUndefined();
        const unreported = { ...live.database, report: null };
        expect(upToDate({ ...survey, databases: [unreported] }, later)).toBeUndefined();
    });
});

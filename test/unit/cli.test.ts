import { describe, expect, it } from "vitest";
import { readArguments } from "../../cli/arguments";
import { applied, refreshed } from "../../cli/refresh";
import { rolledBack } from "../../cli/rollback";
import { describeStatus, statusOf } from "../../cli/status";
import { describeWipe } from "../../cli/wipe";
import { generationsOf } from "../../components/generations";
import type { Survey } from "../../contract";
import { parseSettings, type Settings } from "../../settings";

const config = {
    "understudy:source": '{"database": {"hostPath": "/a"}, "media": {"hostPath": "/b"}}',
    "understudy:target": '{"context": "here", "namespace": "replica"}',
    "understudy:image": "shop",
    "understudy:imageTag": "1.0",
    "understudy:database": '{"name": "shop", "owner": "shop", "volume": "2Gi", "backup": "2026-11-20T02:04:01Z"}',
    "understudy:media": '{"volume": "2Gi", "refresh": "b"}',
    "understudy:application": '{"mediaPath": "/srv"}',
};
const settings = parseSettings(config, "understudy", "demo");
const backups = ["2026-11-20T04:04:01Z", "2026-11-20T02:04:01Z"].map((stamp) => ({ stamp, bytes: 10, age: 60 }));

describe("a command line", () => {
    it("has a command, a stack and the command's own flags", () => {
        expect(readArguments(["refresh", "demo", "--to", "2026-11-20T02:04:01Z", "--database-only"])).toEqual({
            command: "refresh",
            stack: "demo",
            flags: { to: "2026-11-20T02:04:01Z", "database-only": true },
        });
        expect(readArguments(["deploy", "demo", "1.1"])).toMatchObject({ command: "deploy", argument: "1.1" });
    });

    it.each([
        [[], /^usage:/],
        [["destroy", "demo"], /There is no command destroy\.\nusage:/],
        [["up"], /Write understudy up <stack>\./],
        [["up", "demo", "more"], /Write understudy up <stack>\./],
        [["deploy", "demo"], /Write understudy deploy <stack> TAG\./],
        [["up", "demo", "--yes"], /up does not know --yes/],
        [["up", "demo", "--nonsense"], /nonsense/],
        [["refresh", "demo", "--database-only", "--media-only"], /leave nothing to refresh/],
    ])("%j is refused, with the way it is used", (args, sentence) => {
        expect(() => readArguments(args)).toThrow(sentence);
    });
});

describe("a refresh", () => {
    const now = new Date("2026-11-20T05:00:00.123Z");
    const both = { "database.backup": "2026-11-20T04:04:01Z", "media.refresh": "2026-11-20T05:00:00Z" };
    it.each([
        ["of both", {}, both],
        ["of the database", { only: "database" as const }, { "database.backup": both["database.backup"] }],
        ["of the media", { only: "media" as const }, { "media.refresh": both["media.refresh"] }],
        ["to the backup that is asked for already", { only: "database" as const, to: "2026-11-20T02:04:01Z" }, {}],
    ])("%s writes what has to be different", (_, request, changes) => {
        expect(refreshed(settings, { backups, problems: [] }, request, now)).toEqual(changes);
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

describe("a rollback", () => {
    const changed = (refresh: string): Settings["database"] => ({ ...settings.database, refresh });
    const entry = (refresh: string, result = "succeeded") => ({
        kind: "update" as const,
        result: result as "succeeded",
        config: Object.fromEntries(
            Object.entries({
                ...config,
                "understudy:database": JSON.stringify({ ...JSON.parse(config["understudy:database"]), refresh }),
            }).map(([key, value]) => [key, { value }]),
        ),
    });
    const idOf = (refresh: string) => generationsOf({ ...settings, database: changed(refresh) }).database;
    const survey = (...kept: string[]): Pick<Survey, "databases" | "media"> => ({
        databases: kept.map((refresh) => ({
            id: idOf(refresh),
            state: "former",
            switched: null,
            report: null,
            others: [],
        })),
        media: [{ id: generationsOf(settings).media, completed: "2026-11-20T02:10:00Z" }],
    });
    const present = { ...settings, database: changed("3") };

    it("goes to the newest settings that lead to what is kept", () => {
        const history = [entry("3"), entry("2", "failed"), entry("1"), entry("0")];
        expect(rolledBack(present, survey("2", "1", "0"), history, "demo")).toEqual({
            "database.backup": "2026-11-20T02:04:01Z",
            "database.refresh": "1",
            "media.refresh": "b",
        });
        expect(rolledBack(present, survey("0"), history, "demo")).toMatchObject({ "database.refresh": "0" });
    });

    it("says what is kept when no settings lead there", () => {
        expect(() => rolledBack(present, survey("7"), [entry("3"), entry("2")], "demo")).toThrow(
            `nothing to go back to: no former settings lead to what is kept (database ${idOf("7")})`,
        );
    });

    it("passes over settings of a time when they were written differently", () => {
        const strange = { ...entry("2"), config: { "understudy:old": { value: "x" } } };
        expect(rolledBack(present, survey("1"), [strange, entry("1")], "demo")).toMatchObject({
            "database.refresh": "1",
        });
    });
});

describe("a status", () => {
    const live = { database: "00000000aa", media: "00000000bb" };
    const report = { stamp: "2026-11-20T02:04:01Z" } as NonNullable<Survey["databases"][number]["report"]>;
    const survey: Survey = {
        backups,
        databases: [
            { id: "00000000cc", state: "preparing", switched: null, report: null, others: [] },
            { id: live.database, state: "live", switched: "2026-11-20T02:20:00.000Z", report, others: [] },
            { id: "00000000dd", state: "former", switched: null, report: null, others: [] },
        ],
        media: [
            { id: live.media, completed: "2026-11-20T02:10:00.000Z" },
            { id: "00000000ee", completed: null },
        ],
        problems: [],
    };
    const status = statusOf(settings, { live, sourceImage: "shop:1.1" }, survey, Date.parse("2026-11-20T05:04:01Z"));

    it("tells what is live, what is kept, what is newer and what is left over", () => {
        expect(status).toMatchObject({
            imageTag: "1.0",
            productionTag: "1.1",
            database: { generation: live.database, backup: report.stamp, age: 10_800 },
            media: { generation: live.media },
            former: { databases: ["00000000dd"], media: [] },
            newer: "2026-11-20T04:04:01Z",
            leftovers: ["00000000cc", "00000000ee"],
        });
    });

    it("is put in words", () => {
        const text = describeStatus("demo", { ...status, hold: "the test team: until Friday" });
        expect(text).toMatch(/^image tag +1\.0; production runs 1\.1$/m);
        expect(text).toMatch(/^database +generation 00000000aa, from backup 2026-11-20T02:04:01Z \(3 h old\)$/m);
        expect(text).toMatch(/^newer +backup 2026-11-20T04:04:01Z: understudy refresh demo$/m);
        expect(text).toMatch(/^held by +the test team: until Friday$/m);
        expect(text).toMatch(/^left over +00000000cc, 00000000ee/m);
    });

    it("tells of the databases beside the application's", () => {
        const others = [
            { name: "audit", report },
            { name: "log", report: null },
        ];
        const several = survey.databases.map((one) => (one.state === "live" ? { ...one, others } : one));
        const text = describeStatus("demo", statusOf(settings, { live }, { ...survey, databases: several }));
        expect(text).toMatch(/old\); audit from backup 2026-11-20T02:04:01Z; log from backup \(not known\)$/m);
    });

    it("of a replica without anything says so", () => {
        const nothing = { backups: [], databases: [], media: [], problems: ["The server cannot be used."] };
        const text = describeStatus("demo", statusOf(settings, {}, nothing));
        expect(text).toMatch(/database +none is live/);
        expect(text).toMatch(/production's is not known/);
        expect(text).toMatch(/problem +The server cannot be used\./);
    });
});

it.each([
    [true, true, /goes: .*the database's volume.*the media volume.*namespace replica\n.*stays: nothing$/],
    [true, false, /goes: .*the database's volume[^\n]*copy on it\n.*stays: the media volume; the next up/],
    [false, true, /stays: the database's volume and its password;/],
    [false, false, /stays: the database's volume and its password, the media volume;/],
])("a wipe with removeDatabaseVolume %s and removeMediaVolume %s is announced", (database, media, text) => {
    const flags = { removeDatabaseVolume: database, removeMediaVolume: media };
    expect(describeWipe({ ...settings, ...flags }, "demo")).toMatch(text);
});

it("a wipe leaves a claim that somebody has brought, and the namespace that it is in", () => {
    const source = { ...settings.source, media: { claim: "files" } };
    const everything = { removeDatabaseVolume: true, removeMediaVolume: true };
    const text = describeWipe({ ...settings, ...everything, source }, "demo");
    expect(text).toMatch(/stays: claim files, which is not the replica's$/);
    expect(text.split("\n")[1]).not.toMatch("namespace replica");
});

import type { V1MicroTime, V1PodStatus } from "@kubernetes/client-node";
import { CommandError } from "@pulumi/pulumi/automation";
import { describe, expect, it } from "vitest";
import { readArguments } from "../../cli/arguments";
import { describeLive } from "../../cli/live";
import { describePreview } from "../../cli/preview";
import { reasonOf } from "../../cli/reason";
import { applied, refreshed } from "../../cli/refresh";
import { rolledBack } from "../../cli/rollback";
import { describeStatus, statusOf } from "../../cli/status";
import { describeWipe } from "../../cli/wipe";
import { generationsOf } from "../../components/generations";
import type { Live } from "../../contract/event";
import type { Survey } from "../../contract/survey";
import { failuresAmong } from "../../record";
import { parseSettings, type Settings } from "../../settings";
import type { Sighting } from "../../sighting";
import { report } from "../report";

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

    it("for a marker takes the stack alone", () => {
        expect(readArguments(["marker", "demo"])).toEqual({ command: "marker", stack: "demo", flags: {} });
        expect(() => readArguments(["marker", "demo", "--json"])).toThrow(/marker does not know --json/);
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
            awayMs: null,
            report: null,
            others: [],
        })),
        media: [{ id: generationsOf(settings).media, completed: "2026-11-20T02:10:00Z", report: null }],
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

/** What is live: database and media of one refresh. */
const live: Live = {
    event: "live",
    database: {
        id: "00000000aa",
        state: "live",
        switched: "2026-11-20T02:20:00.000Z",
        awayMs: 8,
        report,
        others: [],
    },
    media: {
        id: "00000000bb",
        completed: "2026-11-20T02:10:00.000Z",
        report: {
            generation: "00000000bb",
            files: 800,
            bytes: 2048,
            linked: 790,
            vanished: 0,
            phases: [{ name: "copy", seconds: 0.4 }],
        },
    },
};
const now = Date.parse("2026-11-20T05:04:01Z");

it("the report at the end of an update tells what is live, what it holds and what it took", () => {
    expect(describeLive(live, "https://shop.example.org", 12.3, now).split("\n")).toEqual([
        "live       https://shop.example.org",
        "database   generation 00000000aa, from backup 2026-11-20T02:04:01Z (3 h old)",
        "loaded     1,200 rows in 2 tables, 8.0 KiB out of 1.0 KiB; load 3.2 s, prove 0.0 s; away for 8 ms",
        "media      generation 00000000bb, complete since 2026-11-20T02:10:00.000Z",
        "copied     800 files, 2.0 KiB, 790 of them unchanged and shared; copy 0.4 s",
        "took       12 s",
    ]);
});

describe("a status", () => {
    const found = { state: "former" as const, switched: null, awayMs: null, report: null, others: [] };
    const survey: Survey = {
        backups,
        databases: [
            { ...found, id: "00000000cc", state: "preparing" },
            { ...found, id: "00000000ff", state: "proven" },
            live.database,
            { ...found, id: "00000000dd" },
        ],
        bases: [
            { id: "00000000b2", stamp: null, bytes: null },
            { id: "00000000b1", stamp: "2026-11-20T02:04:01Z", bytes: 8192 },
        ],
        media: [live.media, { id: "00000000ee", completed: null, report: null }],
        problems: [],
    };
    const generations = { database: live.database.id, media: live.media.id };
    const failed = [{ command: "prepare-media", ended: "2026-11-20T04:00:00.000Z", sentence: "Failed: it is full." }];
    const sighting = { application: { image: "shop:0.9", generations }, sourceImage: "shop:1.1" };
    const status = statusOf(settings, sighting, survey, failed, now);

    it("tells what is live, what is kept, what is newer, what is left over and what has failed", () => {
        expect(status).toMatchObject({
            url: "http://application.replica.svc",
            imageTag: "1.0",
            runningTag: "0.9",
            productionTag: "1.1",
            database: {
                generation: live.database.id,
                backup: "2026-11-20T02:04:01Z",
                age: 10_800,
                switched: live.database.switched,
                awayMs: 8,
            },
            media: { generation: live.media.id },
            former: { databases: ["00000000dd"], media: [] },
            newer: "2026-11-20T04:04:01Z",
            base: { backup: "2026-11-20T02:04:01Z", bytes: 8192 },
            leftovers: ["00000000cc", "00000000b2", "00000000ee"],
            ready: ["00000000ff"],
            failed,
        });
    });

    it("is put in words", () => {
        const text = describeStatus("demo", { ...status, hold: "the test team: until Friday" }, now);
        expect(text).toMatch(/^image tag +1\.0 in the stack file, but 0\.9 runs; production runs 1\.1$/m);
        expect(text).toMatch(/^database +generation 00000000aa, from backup 2026-11-20T02:04:01Z \(3 h old\)$/m);
        expect(text).toMatch(/^loaded +1,200 rows .*; away for 8 ms$/m);
        expect(text).toMatch(/^switched +2026-11-20T02:20:00\.000Z$/m);
        expect(text).toMatch(/^copied +800 files/m);
        expect(text).toMatch(/^base +of backup 2026-11-20T02:04:01Z, 8\.0 KiB: another copy of it is cloned$/m);
        expect(text).toMatch(/^newer +backup 2026-11-20T04:04:01Z: understudy refresh demo$/m);
        expect(text).toMatch(/^held by +the test team: until Friday$/m);
        expect(text).toMatch(/^ready +00000000ff; proven/m);
        expect(text).toMatch(/^left over +00000000cc, 00000000b2, 00000000ee/m);
        expect(text).toMatch(/^failed +prepare-media, 2026-11-20T04:00:00\.000Z: Failed: it is full\.$/m);
    });

    it("tells of the databases beside the application's", () => {
        const others = [
            { name: "audit", report: live.database.report },
            { name: "log", report: null },
        ];
        const several = survey.databases.map((one) => (one.state === "live" ? { ...one, others } : one));
        const text = describeStatus("demo", statusOf(settings, sighting, { ...survey, databases: several }, []));
        expect(text).toMatch(/^beside it +audit, from backup 2026-11-20T02:04:01Z: 1,200 rows$/m);
        expect(text).toMatch(/^beside it +log, from backup \(not known\)/m);
    });

    it("of a replica without anything says so", () => {
        const nothing = { backups: [], databases: [], bases: [], media: [], problems: ["The server cannot be used."] };
        const text = describeStatus("demo", statusOf(settings, {}, nothing, []));
        expect(text).toMatch(/image tag +1\.0; production's is not known/);
        expect(text).toMatch(/database +none is live/);
        expect(text).toMatch(/problem +The server cannot be used\./);
        expect(text).not.toMatch(/^(failed|ready|base|left over|newer|held by|loaded)/m);
    });
});

describe("a failed run", () => {
    const job = (type: string) => ({
        metadata: { name: "switch-1", labels: { "app.kubernetes.io/name": "switch" } },
        status: {
            conditions: [
                {
                    type,
                    status: "True",
                    message: "Job was active longer than specified deadline",
                    lastTransitionTime: new Date("2026-11-20T04:00:00Z") as V1MicroTime,
                },
            ],
        },
    });
    const pod = {
        metadata: { labels: { "batch.kubernetes.io/job-name": "switch-1" } },
        status: {
            containerStatuses: [{ state: { terminated: { exitCode: 1, message: "Failed: why.\n" } } }],
        } as V1PodStatus,
    };

    it("is told in the words of its pod, else in the cluster's", () => {
        const run = { command: "switch", ended: "2026-11-20T04:00:00.000Z" };
        expect(failuresAmong([job("Failed")], [pod])).toEqual([{ ...run, sentence: "Failed: why." }]);
        expect(failuresAmong([job("Failed")], [])).toEqual([
            { ...run, sentence: "Job was active longer than specified deadline" },
        ]);
    });

    it("is none that ended well", () => {
        expect(failuresAmong([job("Complete")], [pod])).toEqual([]);
    });
});

describe("a preview", () => {
    const asked = generationsOf(settings);
    const before = { database: "00000000aa", media: "00000000bb" };
    const lines = (sighting: Sighting | undefined, changes = {}) =>
        describePreview(settings, sighting, changes).split("\n");

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

it.each([
    [true, true, /goes: .*the database's volume.*the media volume.*namespace replica\n.*stays: nothing$/],
    [true, false, /goes: .*the database's volume[^\n]*copy on it\n.*stays: the media volume; the next up/],
    [false, true, /stays: the database's volume and its password;/],
    [false, false, /stays: the database's volume and its password, the media volume;/],
])("a wipe with removeDatabaseVolume %s and removeMediaVolume %s is announced", (database, media, text) => {
    const flags = { removeDatabaseVolume: database, removeMediaVolume: media };
    expect(describeWipe({ ...settings, ...flags }, "demo")).toMatch(text);
});

describe("beside a server that is brought", () => {
    const server = { host: "db.example.org", port: 5433, user: "postgres", passwordSecret: "admin" };
    const others = [{ name: "audit", owner: "auditor" }];
    const database = { ...settings.database, volume: undefined, server, others };

    const flags = (removeDatabaseVolume: boolean, removeMediaVolume: boolean) => ({
        ...settings,
        database,
        removeDatabaseVolume,
        removeMediaVolume,
    });
    it.each([true, false])("a wipe with removeDatabaseVolume %s leaves the databases and says where", (remove) => {
        const [, goes, stays] = describeWipe(flags(remove, true), "demo").split("\n");
        // The namespace may hold the volume of a server that the replica had of its own, and that is to be kept.
        const namespace = remove ? ", namespace replica" : "";
        expect(goes?.trim()).toBe(`goes:  the application, the media volume with every copy on it${namespace}`);
        const databases = "databases shop, audit with every copy of them on db.example.org:5433; drop them there";
        expect(stays?.trim()).toBe(`stays: ${databases}`);
        expect(describeWipe(flags(remove, false), "demo")).toMatch(
            `stays: the media volume; the next up takes them over; ${databases}`,
        );
    });

    it.each([true, false])("a preview with removeDatabaseVolume %s says the same", (remove) => {
        const last = (media: boolean) => describePreview(flags(remove, media), {}, {}).split("\n").at(-1);
        const where = "the databases stay on db.example.org:5433";
        expect(last(true)).toBe(`a wipe     would remove the media volume; ${where}`);
        expect(last(false)).toBe(`a wipe     would keep 1 volume: media; ${where}`);
    });
});

it("a wipe leaves a claim that somebody has brought, and the namespace that it is in", () => {
    const source = { ...settings.source, media: { claim: "files" } };
    const everything = { removeDatabaseVolume: true, removeMediaVolume: true };
    const text = describeWipe({ ...settings, ...everything, source }, "demo");
    expect(text).toMatch(/stays: claim files, which is not the replica's$/);
    expect(text.split("\n")[1]).not.toMatch("namespace replica");
});

it("what Pulumi's own commands say is told without what surrounds it", () => {
    const error: Error = Object.create(CommandError.prototype);
    error.message =
        "code: -2\n stdout: \n stderr: Command failed with exit code 1: pulumi config\nerror: invalid YAML file: line 2\n\n";
    expect(reasonOf(error)).toBe("invalid YAML file: line 2");
    expect(reasonOf(new Error("error: of ours"))).toBe("error: of ours");
});

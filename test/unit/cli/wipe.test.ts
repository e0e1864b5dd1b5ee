import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { describeSourceWipe, describeWipe } from "../../../cli/wipe";
import { parseStack } from "../../../settings";
import type { PublisherSettings } from "../../../settings/publisher";
import { configOf } from "../../program/monitor";
import { settings } from "./seen";

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

it("a wipe leaves production's media, which the replica has only read", () => {
    const media = { mode: "share-read-only" as const, minimumFiles: 1 };
    const text = describeWipe({ ...settings, removeDatabaseVolume: true, media }, "demo");
    expect(text).toMatch(/goes: .*namespace replica\n.*stays: production's media, which are only read$/);
    expect(text).not.toContain("media volume");
});

it("a wipe of production's side is announced as one that leaves every backup and the media", () => {
    const stackFile = readFileSync(path.join(__dirname, "../../../Pulumi.production.yaml"), "utf8");
    const source = parseStack(configOf(stackFile), "understudy", "production") as PublisherSettings;
    const { media: _, ...without } = source;
    expect(describeSourceWipe(without, "production").split("\n")).toEqual([
        "Wipe of production in namespace production-stack of context production-cluster:",
        "  goes:  both schedules and their account, the catalogue in the cluster",
        "  stays: every backup on claim database-backup, the namespace and everything else in it",
    ]);
    expect(describeSourceWipe(source, "production").split("\n").slice(1)).toEqual([
        "  goes:  all schedules and their account, the catalogue in the cluster",
        "  stays: every backup on claim database-backup, the media on claims media and media-replica, the namespace and everything else in it",
    ]);
});

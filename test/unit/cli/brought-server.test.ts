import { describe, expect, it } from "vitest";
import { describeWipe } from "../../../cli/wipe";
import { previewRows } from "../../../preview";
import { settings } from "./seen";

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
        const last = (media: boolean) => previewRows(flags(remove, media), {}).at(-1);
        const where = "the databases stay on db.example.org:5433";
        expect(last(true)).toEqual(["a wipe", `would remove the media volume; ${where}`]);
        expect(last(false)).toEqual(["a wipe", `would keep 1 volume: media; ${where}`]);
    });
});

import { describe, expect, it } from "vitest";
import { describeStatus, statusOf } from "../../../cli/status";
import type { Survey } from "../../../contract/survey";
import { parseSettings } from "../../../settings";
import { backups, config, live, now, settings } from "./seen";

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
        mail: { messages: 2, last: "2026-11-20T04:30:00.000Z" },
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
            mail: {
                mode: "sink",
                page: "http://mail.replica.svc:8025",
                caught: { messages: 2, last: "2026-11-20T04:30:00.000Z" },
            },
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
        expect(text).toMatch(/^mail +sink: 2 messages caught, the last at 2026-11-20T04:30:00\.000Z$/m);
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

    it("tells whose the files are, and how they belonged to the rows at the switch to what is live", () => {
        const references = { named: 1200, missing: 2, examples: ['"a.jpg"', '"b.jpg"'], orphans: 7 };
        const switched = { ...sighting, report: { ...live, references } };
        const known = statusOf(settings, switched, survey, [], now);
        expect(known.references).toEqual(references);
        const text = describeStatus("demo", known, now);
        expect(text).toMatch(/^owners +the agent's$/m);
        expect(text).toMatch(/^in rows +1,200 files named, 2 missing, such as "a\.jpg"; 7 files named by none$/m);
        for (const other of ["database", "media"] as const) {
            const report = { ...live, references, [other]: { ...live[other], id: "00000000dd" } };
            expect(statusOf(settings, { ...sighting, report }, survey, [], now).references, other).toBeNull();
        }
        expect(describeStatus("demo", status, now)).not.toMatch(/^in rows/m);
    });

    it.each([
        ["10.0.0.1:/exports/media", { nfs: { server: "10.0.0.1", path: "/exports/media" } }],
        ["volume v-1 of csi.example.org", { csi: { driver: "csi.example.org", volumeHandle: "v-1" } }],
        ["claim files", { claim: "files" }],
        ["/b of the node", { hostPath: "/b" }],
    ])("tells of media that are production's own that they are read-only, and from where: %s", (from, media) => {
        const shared = { ...config, "understudy:media": '{"mode": "share-read-only"}' };
        const source = { database: { hostPath: "/a" }, media };
        const own = parseSettings({ ...shared, "understudy:source": JSON.stringify(source) }, "understudy", "demo");
        const found = statusOf(own, sighting, { ...survey, media: [] }, [], now);
        expect(found.media).toEqual({ generation: live.media.id, completed: null, report: null, from });
        const [, words] = /^media +(.*)$/m.exec(describeStatus("demo", found, now)) ?? [];
        expect(words).toBe(`production's own, read-only, from ${from}`);
    });

    it("of a replica without anything says so", () => {
        const nothing = { backups: [], databases: [], bases: [], media: [], problems: ["The server cannot be used."] };
        const text = describeStatus("demo", statusOf(settings, {}, nothing, []));
        expect(text).toMatch(/image tag +1\.0; production's is not known/);
        expect(text).toMatch(/database +none is live/);
        expect(text).toMatch(/problem +The server cannot be used\./);
        expect(text).not.toMatch(/^(failed|ready|base|left over|newer|held by|loaded|owners|in rows)/m);
    });
});

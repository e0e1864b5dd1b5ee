import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeStatus, statusOf } from "../../cli/status";
import { usageInCluster } from "../../cli/usage";
import { describeExpiry, dueOf, expiryOf, extensionOf, type Flag, staleness, type Usage } from "../../lifecycle/expiry";
import { noteAnnotation, timeOf } from "../../lifecycle/notes";
import { refusals } from "../../preflight";
import { previewRows } from "../../preview";
import { parseSettings } from "../../settings";
import type { LifecycleSettings } from "../../settings/lifecycle";
import type { Sighting } from "../../sighting";
import { problemsOf } from "../problems";
import { config, live as record } from "./cli/seen";

const settingsWith = (lifecycle: object) =>
    parseSettings({ ...config, "understudy:lifecycle": JSON.stringify(lifecycle) }, "understudy", "demo");
const { lifecycle } = settingsWith({ expires: "14d", action: "wipe", notice: "2d", maximumAge: "7d" });
const live = { database: "00000000aa", media: "00000000bb" };
/** A replica whose copies have been used since their switch. */
const sighting: Sighting = { live, report: record };
const start = Date.parse("2026-11-01T04:00:00Z");
const day = 86_400_000;
const used = (more: Partial<Usage> = {}): Usage => ({ live, switched: timeOf(start), notes: {}, ...more });

/** What is left behind by whoever does what is due. */
function carriedOut(usage: Usage, now: number, settings: LifecycleSettings = lifecycle): Usage {
    const due = dueOf(settings, usage, now);
    switch (due.deed) {
        case "flag":
            return { ...usage, notes: { ...usage.notes, expired: JSON.stringify(due.flag) } };
        case "unflag": {
            const { expired: _, ...notes } = usage.notes;
            return { ...usage, notes };
        }
        default:
            return usage;
    }
}

describe("a copy that may be used for 14 days (S1-11)", () => {
    it("is left alone until then, flagged then, and wiped when its notice has passed", () => {
        expect(dueOf(lifecycle, used(), start + 13 * day)).toEqual({
            deed: "nothing",
            sentence: "expires 2026-11-15T04:00:00Z, in 1 d",
        });
        const due = dueOf(lifecycle, used(), start + 14 * day);
        expect(due).toEqual({
            deed: "flag",
            flag: { flagged: "2026-11-15T04:00:00Z", acts: "2026-11-17T04:00:00Z", live },
            sentence: "has expired 2026-11-15T04:00:00Z; from 2026-11-17T04:00:00Z on it is wiped",
        });
        const flagged = carriedOut(used(), start + 14 * day);
        expect(dueOf(lifecycle, flagged, start + 16 * day - 1)).toMatchObject({ deed: "nothing" });
        expect(dueOf(lifecycle, flagged, start + 16 * day)).toEqual({
            deed: "wipe",
            sentence: "has expired 2026-11-15T04:00:00Z, and was flagged 2026-11-15T04:00:00Z",
        });
    });

    it("is flagged first, however late somebody looks", () => {
        expect(dueOf(lifecycle, used(), start + 100 * day).deed).toBe("flag");
    });

    it("is flagged anew when it was refreshed after its flag, and the flag of a copy that may be used is taken away", () => {
        const flagged = carriedOut(used(), start + 14 * day);
        const newer = { ...live, database: "00000000cc" };
        const refreshed = { ...flagged, live: newer, switched: timeOf(start + 15 * day) };
        expect(dueOf(lifecycle, refreshed, start + 16 * day).deed).toBe("unflag");
        expect(dueOf(lifecycle, carriedOut(refreshed, start + 16 * day), start + 17 * day).deed).toBe("nothing");
        // Nobody has looked in between.
        expect(dueOf(lifecycle, refreshed, start + 40 * day)).toMatchObject({ deed: "flag", flag: { live: newer } });
    });

    it("is suspended, or only flagged, where the stack file says so", () => {
        const late = start + 30 * day;
        const flagged = carriedOut(used(), start + 14 * day);
        expect(dueOf({ ...lifecycle, action: "suspend" }, flagged, late).deed).toBe("suspend");
        expect(dueOf({ ...lifecycle, action: "suspend" }, { ...flagged, suspended: true }, late)).toEqual({
            deed: "nothing",
            sentence: "has expired 2026-11-15T04:00:00Z; it is suspended",
        });
        expect(dueOf({ ...lifecycle, action: "flag" }, flagged, late)).toEqual({
            deed: "nothing",
            sentence: "has expired 2026-11-15T04:00:00Z",
        });
    });

    it("stays as long as somebody holds it", () => {
        const flagged = { ...carriedOut(used(), start + 14 * day), held: "anna: the demo" };
        expect(dueOf(lifecycle, flagged, start + 30 * day)).toEqual({
            deed: "nothing",
            sentence: "has expired 2026-11-15T04:00:00Z; it stays as it is, held by anna: the demo",
        });
    });

    it("never expires where nothing is set, and where no copy is live", () => {
        expect(dueOf(settingsWith({}).lifecycle, used(), start + 1000 * day).sentence).toContain("is not set");
        expect(dueOf(lifecycle, { notes: {} }, start + 1000 * day).sentence).toContain("no copy is live");
    });

    it("never takes data that is newer than its flag, nor what was extended or held, at any order of events (S2)", () => {
        const event = fc.oneof(
            fc.record({ does: fc.constant("look"), after: fc.integer({ min: 0, max: 20 * day }) }),
            fc.record({ does: fc.constant("refresh"), after: fc.integer({ min: 0, max: 20 * day }) }),
            fc.record({ does: fc.constant("extend"), after: fc.integer({ min: 0, max: 20 * day }) }),
            fc.record({ does: fc.constant("hold"), after: fc.integer({ min: 0, max: 3 * day }) }),
        );
        fc.assert(
            fc.property(fc.array(event, { maxLength: 30 }), (events) => {
                let usage = used();
                let now = start;
                let extended = 0;
                let copies = 0;
                for (const { does, after } of events) {
                    now += after;
                    if (does === "refresh") {
                        copies += 1;
                        usage = { ...usage, live: { ...live, database: `copy ${copies}` }, switched: timeOf(now) };
                    } else if (does === "extend") {
                        extended = now + 10 * day;
                        const extension = extensionOf("10d", { owner: "anna", reason: "a demo" }, now);
                        usage = { ...usage, notes: { extended: JSON.stringify(extension) } };
                    } else if (does === "hold") {
                        const { held, ...rest } = usage;
                        usage = held === undefined ? { ...rest, held: "anna" } : rest;
                    } else {
                        const flag = JSON.parse(usage.notes.expired ?? "null") as Flag | null;
                        const { deed } = dueOf(lifecycle, usage, now);
                        if (deed === "wipe") {
                            expect(flag?.live).toEqual(usage.live);
                            expect(now - Date.parse(flag?.flagged ?? "")).toBeGreaterThanOrEqual(2 * day);
                            expect(now - Date.parse(usage.switched ?? "")).toBeGreaterThanOrEqual(16 * day - 1000);
                            expect(now).toBeGreaterThanOrEqual(extended - 1000);
                            expect(usage.held).toBeUndefined();
                        }
                        usage = carriedOut(usage, now);
                    }
                }
            }),
            { numRuns: 500 },
        );
    });
});

describe("an extension", () => {
    const by = { owner: "anna", reason: "the demo" };

    it("is until a day or for a time span, and is told", () => {
        expect(extensionOf("7d", by, start)).toEqual({ ...by, until: "2026-11-08T04:00:00Z" });
        expect(extensionOf("12h", by, start).until).toBe("2026-11-01T16:00:00Z");
        const until = extensionOf("2026-12-24", by, start);
        expect(until.until).toBe("2026-12-24T00:00:00Z");
        const usage = used({ notes: { extended: JSON.stringify(until) } });
        expect(expiryOf(lifecycle, usage).ends).toBe(Date.parse("2026-12-24"));
        expect(describeExpiry(lifecycle, usage, start + 20 * day)).toBe(
            "expires 2026-12-24T00:00:00Z, in 32 d 20 h; extended by anna: the demo",
        );
    });

    it.each([
        ["2026-10-01", "2026-10-01 is over: write a later day, or a time span such as 7d."],
        ["soon", '"soon" is no time: write a time span such as 12h or 7d, or a day such as 2026-11-08.'],
        ["0d", '"0d" is no time: write a time span such as 12h or 7d, or a day such as 2026-11-08.'],
        ["2026-13-01", '"2026-13-01" is no time: write a time span such as 12h or 7d, or a day such as 2026-11-08.'],
    ])("until %s is refused", (until, sentence) => {
        expect(() => extensionOf(until, by, start)).toThrow(sentence);
    });
});

describe("people", () => {
    it("are told by status and by a preview", () => {
        const settings = settingsWith({ expires: "14d", action: "wipe", notice: "2d", maximumAge: "7d" });
        const switched = Date.parse(sighting.report?.database.switched ?? "");
        const now = switched + 15 * day;
        const due = dueOf(settings.lifecycle, usageInCluster(settings, sighting), now);
        const flag = due.deed === "flag" ? due.flag : undefined;
        const annotations = { [noteAnnotation("expired")]: JSON.stringify(flag) };
        const seen = { ...sighting, target: { uid: "u", labels: {}, annotations } };
        const survey = { backups: [], databases: [], bases: [], media: [], problems: [] };
        const text = describeStatus("demo", statusOf(settings, seen, survey, [], now), now);
        expect(text).toMatch(/^lifecycle +has expired \S+; from \S+ on it is wiped$/m);
        expect(text).toMatch(/^lifecycle +is stale: its data is .* old, and lifecycle\.maximumAge is 7 d$/m);
        expect(previewRows(settings, seen, now)).toContainEqual([
            "expires",
            "14 d after its switch; by understudy ttl it is wiped 2 d after it was flagged",
        ]);
    });

    it("are told that data is stale only when it is", () => {
        expect(staleness(lifecycle, 7 * 86_400)).toBeUndefined();
        expect(staleness(lifecycle, undefined)).toBeUndefined();
        expect(staleness(lifecycle, 8 * 86_400)).toContain("is stale: its data is 8 d old");
    });
});

describe("a suspended replica", () => {
    it("takes no other copy, and tells what wakes it", () => {
        const settings = settingsWith({ suspended: true });
        expect(refusals(settings, "understudy/demo", sighting)).toContainEqual(
            expect.stringMatching(/^The replica is suspended, .*run understudy extend demo/),
        );
    });
});

it("settings name every problem", () => {
    expect(problemsOf(() => settingsWith({ expires: "soon", action: "sell", maximumAge: 7 }))).toEqual([
        expect.stringMatching(/lifecycle\.expires is "soon": write a time span/),
        expect.stringMatching(/lifecycle\.maximumAge/),
        expect.stringMatching(/lifecycle\.action is "sell": write flag or suspend or wipe/),
    ]);
});

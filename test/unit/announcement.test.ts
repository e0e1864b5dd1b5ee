import { describe, expect, it } from "vitest";
import { announcementFor } from "../../cli/announce";
import { describeStatus, statusOf } from "../../cli/status";
import { generationsOf } from "../../components/generations";
import { noteAnnotation } from "../../lifecycle/notes";
import { announced, announcementOf, announceObjections } from "../../preflight/announcement";
import { previewRows } from "../../preview";
import { parseSettings } from "../../settings";
import type { Sighting } from "../../sighting";
import { problemsOf } from "../problems";
import { config } from "./cli/seen";

const settingsWith = (announce: object) =>
    parseSettings({ ...config, "understudy:announce": JSON.stringify(announce) }, "understudy", "demo");
const settings = settingsWith({ notice: "30m", owner: "the staging team" });
const stack = "understudy/demo";
const live = { database: "00000000aa", media: "00000000bb" };
const now = Date.parse("2026-11-20T05:00:00Z");
const minutes = 60_000;

/** A replica with this annotation, which an announcement was written to. */
function seen(announcement?: object, of = live): Sighting {
    const annotations: Record<string, string> =
        announcement === undefined ? {} : { [noteAnnotation("announced")]: JSON.stringify(announcement) };
    return { live: of, target: { uid: "u", labels: { "understudy/stack": "understudy.demo" }, annotations } };
}

const announcement = announcementFor(settings, stack, seen(), { reason: "the demo on Friday" });
const at = { ...announcementOf({ owner: "anna", reason: "the demo", seconds: 1800 }, live, now) };

describe("a refresh of a replica whose stack file asks for a notice", () => {
    it("is refused until it was announced, with what to type", () => {
        expect(announceObjections(settings, stack, seen(), now)).toEqual([
            expect.stringMatching(
                /announce\.notice wants them to be told before: run understudy announce demo, with --reason TEXT/,
            ),
        ]);
    });

    it("is refused until the notice has passed, and then goes", () => {
        expect(announceObjections(settings, stack, seen(at), now + 29 * minutes)).toEqual([
            "The refresh is announced (by anna: the demo; from 2026-11-20T05:30:00Z on, until 2026-11-21T05:30:00Z): run it " +
                "from then on.",
        ]);
        expect(announceObjections(settings, stack, seen(at), now + 30 * minutes)).toEqual([]);
    });

    it("is refused again when it is done, and when the announcement has grown old", () => {
        const later = { ...live, database: "00000000cc" };
        expect(announceObjections(settings, stack, seen(at, later), now + 31 * minutes)).toHaveLength(1);
        expect(
            announceObjections(settings, stack, seen(at, { ...live, media: "00000000cc" }), now + 31 * minutes),
        ).toHaveLength(1);
        expect(announceObjections(settings, stack, seen(at), now + 25 * 60 * minutes)).toHaveLength(1);
    });

    it("is refused where the annotation says nothing that can be understood", () => {
        const odd = seen({ owner: "anna", begins: "soon" });
        expect(announceObjections(settings, stack, odd, now)).toHaveLength(1);
    });

    it("takes no announcement for the first copy, for what changes no data, and where no notice is asked for", () => {
        expect(announceObjections(settings, stack, {}, now)).toEqual([]);
        expect(announceObjections(settings, stack, seen(undefined, generationsOf(settings)), now)).toEqual([]);
        expect(announceObjections(settingsWith({}), stack, seen(), now)).toEqual([]);
    });
});

describe("an announcement", () => {
    it("is by the stack file's owner, for its notice, or for the time on the command line", () => {
        expect(announcement).toMatchObject({ owner: "the staging team", reason: "the demo on Friday", live });
        const span = (request: object) => {
            const { begins } = announcementFor(settings, stack, seen(), request);
            return Math.round((Date.parse(begins) - Date.now()) / minutes);
        };
        expect([span({}), span({ after: "2h" })]).toEqual([30, 120]);
        expect(announcementFor(settingsWith({}), stack, seen(), {}).owner).toMatch(/^\S+ on \S+$/);
    });

    it("is refused with a time that is none, without a copy, and in another stack's namespace", () => {
        expect(() => announcementFor(settings, stack, seen(), { after: "soon" })).toThrow(
            /--in is "soon": write a time span/,
        );
        expect(() => announcementFor(settings, stack, {}, {})).toThrow(/holds no copy of understudy\/demo/);
        expect(() => announcementFor(settings, "understudy/other", seen(), {})).toThrow(
            /holds no copy of understudy\/other/,
        );
    });

    it("is told by status and by a preview, as long as it stands", () => {
        const nothing = { backups: [], databases: [], bases: [], media: [], problems: [] };
        const told = (time: number) => describeStatus("demo", statusOf(settings, seen(at), nothing, [], time), time);
        expect(told(now)).toMatch(
            /^announced +by anna: the demo; from 2026-11-20T05:30:00Z on, until 2026-11-21T05:30:00Z$/m,
        );
        expect(told(now + 25 * 60 * minutes)).not.toContain("announced");
        const rows = previewRows(settings, seen(at), now);
        expect(rows).toContainEqual(["announced", expect.stringContaining("by anna: the demo")]);
        expect(announced(seen(), now)).toBeUndefined();
    });
});

describe("settings of announcements", () => {
    it("want a time span, and know no web hook: notices have one", () => {
        expect(problemsOf(() => settingsWith({ notice: "soon", url: "https://chat.example.org" }))).toEqual([
            expect.stringMatching(/announce\.notice is "soon": write a time span/),
            expect.stringMatching(/announce\.url is not a setting/),
        ]);
    });
});

import { describe, expect, it } from "vitest";
import { type CommentFacts, commentOf, commentView } from "../../../cli/comment";
import { describeWipe } from "../../../cli/wipe";
import { generationsOf } from "../../../components/generations";
import { previewOf } from "../../../preview";
import { parseSettings } from "../../../settings";
import type { Sighting } from "../../../sighting";
import { entry } from "../../entry";
import { config, live, now, settings } from "./seen";

const asked = generationsOf(settings);
const before = { database: "00000000aa", media: "00000000bb" };
const stack = "understudy/demo";
const nothing = { removals: [], warnings: [], errors: [] };
const withSettings = (changes: Record<string, string>) =>
    parseSettings({ ...config, ...changes }, "understudy", "demo");

/** The comment on a stack whose clusters look like this. */
function comment(sighting: Sighting | undefined, of = settings, facts: Partial<CommentFacts> = {}): string {
    const preview = previewOf(of, stack, sighting, now);
    return commentOf({ stack: "demo", ...nothing, preview, changes: { same: 3 }, ...facts });
}

/** Its first line in words, below the marker. */
const headline = (sighting: Sighting | undefined, of = settings) => comment(sighting, of).split("\n")[2] ?? "";

/** What is to be weighed first. */
function weighed(text: string): string[] {
    const [, list = ""] = text.split("**To weigh first**\n\n");
    return list.split("\n\n")[0]?.split("\n") ?? [];
}

describe("the first line of a comment", () => {
    it("says what is replaced, by what, from when that is, and how one gets back", () => {
        expect(headline({ live: before, report: live })).toBe(
            "**Replaces the database and the media** of demo: the database comes from production's backup of " +
                "2026-11-20T02:04:01Z (3 h old), the media come from production's files; what is in use stays until the new " +
                "copy is proven. In use is the backup of 2026-11-20T02:04:01Z (3 h old). The way back is understudy " +
                "rollback demo: the former copy is kept.",
        );
    });

    it("says what is kept, and that another version takes the place of the one that runs", () => {
        expect(headline({ live: asked, application: { image: "shop:0.9", generations: asked } })).toBe(
            "**Keeps the database and the media** of demo as it is. Image tag 1.0 takes the place of 0.9.",
        );
        expect(headline({ live: { ...before, database: asked.database } })).toMatch(
            /^\*\*Replaces the media and keeps the database\*\* of demo: the media come from production's files; what is/,
        );
    });

    it("says that it is the first copy, from the newest backup where that is asked for", () => {
        const latest = withSettings({
            "understudy:database": '{"name": "shop", "owner": "shop", "volume": "2Gi", "backup": "latest"}',
        });
        expect(headline({}, latest)).toMatch(
            /^\*\*Makes the first copy of the database and the media\*\* of demo: the database comes from production's newest backup, the media/,
        );
        expect(headline({ catalogue: [entry("2026-11-20T04:04:01Z")] }, latest)).toContain(
            "newest backup, of 2026-11-20T04:04:01Z (1 h old), the media",
        );
    });

    it("says that a copy that is still kept needs no restore", () => {
        const kept = { live: { ...asked, database: "00000000aa" }, report: { ...live, kept: [asked.database] } };
        expect(headline(kept)).toMatch(
            /^\*\*Goes back to a former copy of the database and keeps the media\*\* of demo; what is still kept is exchanged .* without a restore\./,
        );
    });

    it("says what is asked for where nothing could be looked at", () => {
        expect(headline(undefined)).toBe(
            "**What would change is not known** from here: demo could not be looked at. The stack file asks for this: the " +
                "database comes from production's backup of 2026-11-20T02:04:01Z (3 h old), the media come from production's files.",
        );
    });
});

describe("a comment", () => {
    it("begins with what its workflow finds it by, and is in a table what the preview says in words", () => {
        const sighting = { live: before, report: live, catalogue: [entry(settings.database.backup)], claims: {} };
        const text = comment(sighting);
        expect(text.split("\n")[0]).toBe("<!-- understudy preview demo -->");
        const cells = text.split("\n").filter((line) => line.startsWith("| "));
        for (const [name] of previewOf(settings, stack, sighting, now).rows) {
            expect(cells.filter((line) => line.startsWith(`| ${name} | `))).toHaveLength(name === "" ? 0 : 1);
        }
        expect(text).toMatch(/^\| takes \| about .* the last took 3\.3 s .* away for 8 ms \|$/m);
        expect(text).toMatch(
            /^\| database \| is refreshed from backup .*<br>generation \w+ in place of 00000000aa; 1 former/m,
        );
        expect(text).toMatch(/^\| objects \| 3 unchanged \|$/m);
    });

    it("tells what a wipe would remove and leave", () => {
        const text = comment({}, settings, { wipe: describeWipe(settings, "demo") });
        expect(text).toContain("If it is removed (Wipe of demo in namespace replica of context here):");
        expect(text).toMatch(
            /^- goes: the application, the database server, the database's volume with every copy on it$/m,
        );
        expect(text).toMatch(/^- stays: the media volume; the next up takes them over$/m);
    });

    it("has what to weigh before the table: risks, removals and warnings", () => {
        const facts = {
            removals: ["Deployment worker is removed"],
            warnings: ["Production runs 1.1. Allowed: a trial."],
        };
        const text = comment({ live: before }, settings, facts);
        expect(weighed(text)).toEqual([
            "- People's data are not masked (the stack file has no masking): the copy holds them as production does.",
            "- Deployment worker is removed",
            "- Production runs 1.1. Allowed: a trial.",
        ]);
        expect(text.indexOf("To weigh first")).toBeLessThan(text.indexOf("| what |"));
    });

    it("has nothing to weigh where data stay as they are", () => {
        expect(comment({ live: asked })).not.toContain("To weigh first");
    });

    it("tells of mail that leaves, of no way back, and of whose run is in the way", () => {
        const risky = withSettings({
            "understudy:mail": '{"mode": "redirect", "to": "a@example.org", "relay": {"host": "mail.example.org"}}',
            "understudy:database":
                '{"name": "shop", "owner": "shop", "volume": "2Gi", "backup": "2026-11-20T02:04:01Z", "keepGenerations": 0}',
        });
        const lease = { holder: "anna", since: "2026-11-20T05:00:00Z", renewed: "2026-11-20T05:04:00Z" };
        const list = weighed(comment({ live: before, lease }, risky)).join("\n");
        expect(list).toMatch(
            /At this moment an update is refused: The replica in namespace replica is being changed by anna/,
        );
        expect(list).toMatch(/keepGenerations is 0\): there is no way back/);
        expect(list).toMatch(/Mail leaves the replica: all of it goes to mail\.to/);
        expect(headline({ live: before }, risky)).not.toContain("rollback");
    });

    it("tells of a hold where nothing could be looked at, which refuses otherwise", () => {
        const text = comment(undefined, withSettings({ "understudy:hold": "anna: the demo" }));
        expect(weighed(text)[0]).toBe(
            "- The replica is held by anna: the demo: an update is refused as long as it is.",
        );
    });

    it("shows texts as they are: no Markdown, no HTML, and nobody is called", () => {
        const sighting = { live: before, lease: undefined };
        const text = comment(sighting as Sighting, settings, {
            warnings: ["held by @anna: <b>a|b</b> *now* public.my_item"],
        });
        expect(text).toContain("- held by @&#8203;anna: \\<b\\>a\\|b\\</b\\> \\*now\\* public.my\\_item");
    });

    it("is short enough for GitHub, whatever there is to say", () => {
        const warnings = Array.from({ length: 200 }, (_, at) => `${at} ${"x".repeat(5000)}`);
        const text = comment({}, settings, { warnings, errors: warnings });
        expect(text.length).toBeLessThan(65_536);
        expect(text).toContain("- 188 more");
    });

    it("tells no secret that the clusters or the stack file hold", () => {
        const planted = withSettings({
            "understudy:application": '{"mediaPath": "/srv", "environment": {"TOKEN": "planted-variable"}}',
            "understudy:notices": '{"url": "https://chat.example.org/planted-hook"}',
        });
        const credentials = { key: "planted-key", password: "planted-password" } as unknown as Sighting["credentials"];
        const sighting = { live: before, report: live, ...(credentials && { credentials }) };
        const wipe = describeWipe(planted, "demo");
        expect(comment(sighting, planted, { wipe })).not.toContain("planted");
        expect(comment(undefined, planted, { wipe })).not.toContain("planted");
    });
});

describe("a comment on what was refused", () => {
    const shown = (tell: (view: ReturnType<typeof commentView>) => void) => {
        const written = { out: "", errors: "" };
        const to = (which: keyof typeof written) => ({
            write: (text: string) => {
                written[which] += text;
                return true;
            },
        });
        tell(commentView({ stack: "demo", removals: [], warnings: [], errors: [] }, to("out"), to("errors")));
        return written;
    };

    it("says each reason, and is all that is on the standard output", () => {
        const { out, errors } = shown((view) => {
            view.engine("Previewing update (demo):\n");
            view.diagnostic?.("a stand-in runs", "info");
            view.diagnostic?.("The replica is held by anna.\nNamespace x is production's.", "error");
            view.end({ result: "failed", generations: null });
        });
        expect(out).toMatch(
            /^<!-- understudy preview demo -->\n\n\*\*Refused\*\*: nothing of demo would be changed, because\n\n- The replica is held by anna\.\n- Namespace x is production's\.\n/,
        );
        expect(out).not.toMatch(/Previewing|stand-in/);
        expect(errors).toBe("Previewing update (demo):\n");
    });

    it("says as much when the preview broke off later, or nobody knows why", () => {
        const { out } = shown((view) => {
            view.preview(previewOf(settings, stack, {}, now), {});
            view.end({ result: "failed", generations: null });
        });
        expect(out).toMatch(
            /\*\*The preview did not get to its end\*\*[^\n]*because\n\n- Pulumi did not say why: look at/,
        );
        expect(out).toContain("| database |");
    });

    it("on production's side says that no data change", () => {
        const { out } = shown((view) => {
            view.preview(undefined, { update: 1 });
            view.end({ result: "succeeded", generations: null });
        });
        expect(out).toContain("**Changes no data** of demo, which is production's side");
        expect(out).toContain("| objects | 1 changed |");
    });
});

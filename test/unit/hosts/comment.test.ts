import { describe, expect, it } from "vitest";
import { generationsOf } from "../../../components/hosts/generations";
import type { HostSighting } from "../../../hosts/look";
import { hostPreviewOf } from "../../../preview/hosts";
import { type HostSettings, parseHosts } from "../../../settings/hosts";
import { report } from "../../report";

const now = Date.parse("2026-11-20T05:04:01Z");
const ssh = { host: "db01.example.org", user: "backup", knownHosts: "db01.example.org ssh-ed25519 AAAAC3Nza" };

function settingsOf(change: Record<string, unknown> = {}): HostSettings {
    const written = {
        hosts: { production: { ssh }, staging: { ssh: { ...ssh, host: "db02.example.org" } } },
        source: { database: { host: "production" } },
        target: { host: "staging", login: { user: "shop_app", password: "planted password" } },
        database: { name: "shop", owner: "shop" },
        services: [{ host: "staging", unit: "httpd" }],
        ...change,
    };
    const { settings, problems } = parseHosts(written, () => undefined);
    expect(problems).toEqual([]);
    return settings as HostSettings;
}

/** A target with these copies of the database. */
function seen(...databases: [id: string, state: "live" | "former"][]): HostSighting {
    const found = databases.map(([id, state]) => ({ id, state, switched: null, awayMs: 8, report, others: [] }));
    const [live] = databases;
    return {
        survey: { backups: [], databases: found, bases: [], media: [], problems: [] },
        ...(live && { live: { database: live[0], folders: [] } }),
        problems: [],
    };
}

const previewOf = (sighting: HostSighting, settings = settingsOf()) =>
    hostPreviewOf(settings, "understudy/shop", sighting, now);
const summary = (sighting: HostSighting, settings = settingsOf()) => previewOf(sighting, settings).summary.join("");
const wanted = generationsOf(settingsOf()).database;

describe("the first line of a comment on a replica on hosts", () => {
    it("says what is replaced, by what, what stands still for it, and how one gets back", () => {
        expect(summary(seen(["00000000aa", "live"]))).toBe(
            "Replaces the database of shop: the database is dumped on production now; what is in use stays until the new " +
                "copy is proven. In use is the dump of 2026-11-20T02:04:01Z (3 h old). 1 service is stopped for the " +
                "exchange. The way back is understudy rollback shop: the former copy is kept.",
        );
    });

    it("says what is first, what stays, and what is still kept", () => {
        expect(summary({ problems: [] })).toMatch(
            /^Makes the first copy of the database of shop: the database is dumped/,
        );
        expect(summary(seen([wanted, "live"]))).toMatch(/^Keeps the database of shop as it is\. In use is/);
        expect(summary(seen(["00000000aa", "live"], [wanted, "former"]))).toMatch(
            /^Goes back to a former copy of the database of shop; what is still kept is exchanged .* 1 service is stopped/,
        );
    });

    it("says that nothing is known of a target that did not answer", () => {
        expect(summary({ problems: ["Host staging did not answer."] })).toMatch(
            /^What would change is not known from here: shop could not be looked at\. The stack file asks for this: the database is dumped/,
        );
    });
});

describe("the risks of a replica on hosts", () => {
    it("are objects that are deleted, no way back, people's data, and a hold; secrets are in none", () => {
        const amount = { objects: 3, bytes: 9, examples: ["a"] };
        const bucket = { name: "b", from: "production-b", to: "staging-b", deletes: amount, seconds: 0, unknown: [] };
        const settings = settingsOf({
            hold: "anna: the demo",
            database: { name: "shop", owner: "shop", keepGenerations: 0 },
        });
        const preview = previewOf({ ...seen(["00000000aa", "live"]), buckets: [bucket] }, settings);
        expect(preview.risks).toEqual([
            "The replica is held by anna: the demo: an update is refused as long as it is.",
            "3 objects in bucket staging-b would be deleted.",
            "No former copy of the database is kept (database.keepGenerations is 0): there is no way back.",
            expect.stringMatching(/^People's data are not masked/),
        ]);
        expect(JSON.stringify(preview)).not.toContain("planted");
    });

    it("are none where the data stay", () => {
        expect(previewOf(seen([wanted, "live"])).risks).toEqual([]);
    });

    it("are a notice that has not been given", () => {
        const settings = settingsOf({ announce: { notice: "30m" } });
        expect(previewOf(seen(["00000000aa", "live"]), settings).risks[0]).toMatch(
            /^At this moment an update is refused: .*understudy announce shop/,
        );
    });
});

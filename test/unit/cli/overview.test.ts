import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeOverview, standingOf } from "../../../cli/overview";
import { readStackFile, stacksIn } from "../../../cli/stack-files";
import { historyWith } from "../../../contract/history";
import type { Sighting } from "../../../sighting";
import { entry } from "../../entry";
import { config, live, now } from "./seen";

const source = {
    "understudy:role": "source",
    "understudy:source": '{"context": "here", "namespace": "shop"}',
    "understudy:database": '{"host": "db", "passwordSecret": "database", "names": ["shop"]}',
    "understudy:store": '{"claim": "backups"}',
};
const looks = (sighting: Sighting) => () => Promise.resolve(sighting);
describe("an overview", () => {
    it("has the stack files of a folder, and their settings as Pulumi has them", async () => {
        const folder = mkdtempSync(join(tmpdir(), "understudy-overview-"));
        writeFileSync(join(folder, "Pulumi.yaml"), "name: understudy\n");
        writeFileSync(
            join(folder, "Pulumi.b.yaml"),
            "config:\n  understudy:media:\n    volume: 1Gi\n  understudy:imageTag: '1'\n",
        );
        writeFileSync(join(folder, "Pulumi.a.yaml"), "");
        writeFileSync(join(folder, "Pulumi.README.md"), "");
        expect(await stacksIn(folder)).toEqual(["a", "b"]);
        expect(await readStackFile(folder, "a")).toEqual({});
        expect(await readStackFile(folder, "b")).toEqual({
            "understudy:media": '{"volume":"1Gi"}',
            "understudy:imageTag": "1",
        });
        writeFileSync(join(folder, "Pulumi.c.yaml"), "config: [");
        const torn = await standingOf("c", readStackFile(folder, "c"), looks({}), now);
        expect(torn).toMatchObject({ stands: null, notes: [expect.stringMatching(/unexpected end|flow/i)] });
        rmSync(folder, { recursive: true });
    });

    it("tells of a replica that stands what it holds, and who is at work on it", async () => {
        const standing = await standingOf(
            "demo",
            Promise.resolve({ ...config, "understudy:hold": "the test team: until Friday" }),
            looks({
                stands: true,
                application: { image: "shop:0.9", generations: undefined },
                report: live,
                live: { database: live.database.id, media: live.media.id },
                unseen: "no answer",
            }),
            now,
        );
        const [loaded] = historyWith([], live);
        expect(standing).toEqual({
            ...{ stack: "demo", role: "replica", context: "here", namespace: "replica", stands: true, imageTag: "0.9" },
            ...{ backup: "2026-11-20T02:04:01Z", age: 10_800, switched: live.database.switched },
            ...{ productionTag: null, newer: null, hold: "the test team: until Friday", expires: null },
            ...{ stale: false, suspended: false, history: [loaded], loaded },
            notes: ["held by the test team: until Friday", "no answer"],
        });
    });

    it("compares it with production, and with what its stack file allows", async () => {
        const lifecycle = { "understudy:lifecycle": '{"expires": "1d", "maximumAge": "2h"}' };
        const ids = { database: live.database.id, media: live.media.id };
        const catalogue = ["2026-11-20T04:04:01Z", "2026-11-20T02:04:01Z"].map((stamp) => entry(stamp, "shop"));
        const sighting = { stands: true, report: live, live: ids, sourceImage: "shop:1.1", catalogue };
        const standing = await standingOf("demo", Promise.resolve({ ...config, ...lifecycle }), looks(sighting), now);
        expect(standing).toMatchObject({
            ...{ imageTag: "1.0", productionTag: "1.1", newer: "2026-11-20T04:04:01Z" },
            ...{ expires: "2026-11-21T02:20:00Z", stale: true },
        });
    });

    it("keeps the line of a former copy apart from what is live", async () => {
        const history = historyWith([], live);
        const sighting = { stands: true, history, live: { database: "00000000cc", media: live.media.id } };
        expect(await standingOf("demo", Promise.resolve(config), looks(sighting), now)).toMatchObject({
            ...{ history, loaded: null, backup: null },
        });
    });

    it("tells of the others why there is nothing to tell", async () => {
        const standings = [
            await standingOf("gone", Promise.resolve(config), looks({ stands: false }), now),
            await standingOf(
                "dark",
                Promise.resolve(config),
                () => Promise.reject(new Error("cannot read the cluster\nmore")),
                now,
            ),
            await standingOf("torn", Promise.resolve({}), looks({}), now),
            await standingOf("shop", Promise.resolve(source), looks({}), now),
        ];
        expect(standings.map(({ stands, notes }) => ({ stands, notes }))).toEqual([
            { stands: false, notes: [] },
            { stands: null, notes: ["cannot read the cluster"] },
            { stands: null, notes: [expect.stringMatching(/^Pulumi\.torn\.yaml has \d+ problems:$/)] },
            { stands: null, notes: ["publishes backups at 51 * * * *"] },
        ]);
    });

    it("is a line for each stack, and lines for what is to be known of it", async () => {
        const replica = await standingOf(
            "demo",
            Promise.resolve(config),
            looks({ stands: true, report: live, unseen: "no answer" }),
            now,
        );
        const gone = await standingOf("a-longer-name", Promise.resolve(config), looks({ stands: false }), now);
        expect(describeOverview([replica, gone])).toBe(
            [
                "stack          namespace  image tag  data",
                `demo           replica    1.0        2026-11-20T02:04:01Z, 3 h old; live since ${live.database.switched}`,
                "    no answer",
                "a-longer-name  replica    1.0        does not stand",
            ].join("\n"),
        );
    });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeOverview, standingOf } from "../../../cli/overview";
import { readStackFile, stacksIn } from "../../../cli/stack-files";
import type { Sighting } from "../../../sighting";
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
                unseen: "no answer",
            }),
            now,
        );
        expect(standing).toEqual({
            ...{ stack: "demo", role: "replica", context: "here", namespace: "replica", stands: true, imageTag: "0.9" },
            ...{ backup: "2026-11-20T02:04:01Z", age: 10_800, switched: live.database.switched },
            notes: ["held by the test team: until Friday", "no answer"],
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

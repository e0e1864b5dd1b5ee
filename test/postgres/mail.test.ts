import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mailPlanOf } from "../../components/mail-configuration";
import type { CopyPlan } from "../../contract";
import type { MailPlan } from "../../contract/mail";
import { databaseReport } from "../../contract/report";
import { openDatabase } from "../../demo/application/database";
import { type MailSettings, mailSettings } from "../../demo/application/mail";
import { settings } from "../../demo/application/seed/load";
import { parseSettings } from "../../settings";
import { configOf } from "../program/monitor";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [first, second, third, fourth] = ids;
const config = configOf(readFileSync(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8"));

beforeAll(async () => {
    replica = await startReplica();
    const rows = Object.entries(settings).map((cells) => `${cells.join("\t")}\n`);
    const table =
        "CREATE TABLE public.settings (name text PRIMARY KEY, value text);\nALTER TABLE public.settings OWNER TO shop;\n" +
        `COPY public.settings (name, value) FROM stdin;\n${rows.join("")}\\.\n`;
    replica.store(stampBefore(3600), frame(table));
});
afterAll(() => replica?.stop());

/** What the demo's stack file says of mail, with another mode, for this replica's database. */
function demosMail(mode: string, more: object = {}): MailPlan {
    const mail = { ...JSON.parse(config["understudy:mail"] ?? "{}"), mode, ...more };
    const database = { ...JSON.parse(config["understudy:database"] ?? "{}"), name: "shop" };
    const parts = { "understudy:mail": JSON.stringify(mail), "understudy:database": JSON.stringify(database) };
    const { sql } = mailPlanOf(parseSettings({ ...config, ...parts }, "understudy", "demo"));
    return sql === undefined ? {} : { sql };
}

const prepare = (id: string, change: (plan: CopyPlan) => void) =>
    replica.run("prepare-database", replica.plan(id, first, change));

/** Where the demo's application would send mail, on a copy that nobody uses yet. */
async function applicationsWay(id: string): Promise<MailSettings> {
    const { port, password } = replica.server;
    const database = openDatabase({ host: "127.0.0.1", port, user: "postgres", password, database: aside(id) });
    try {
        return await mailSettings(database);
    } finally {
        await database.close();
    }
}

const caught = { host: "mail", port: 1025, from: settings["mail.from"], delivery: "sink" };

describe("a production that sends mail for real", () => {
    test("would do so on a copy, too", async () => {
        const { status, sentence } = await prepare(first, () => undefined);
        expect(status, sentence).toBe(0);
        expect(await applicationsWay(first)).toMatchObject({ host: "smtp.production.svc", delivery: "live" });
    });

    test("comes up with the safe mode at every refresh, of the database alone as well", async () => {
        for (const [id, mode, host] of [
            [second, "sink", "mail"],
            [third, "off", "mail.invalid"],
        ] as const) {
            const { status, sentence } = await prepare(id, (plan) => {
                plan.mail = demosMail(mode);
            });
            expect(status, sentence).toBe(0);
            expect(await applicationsWay(id)).toEqual({ ...caught, host, delivery: mode });
        }
    });

    test("comes up with it whatever hooks of the stack's own have written, and the report says so", async () => {
        const { status, sentence } = await prepare(fourth, (plan) => {
            const sql = "update settings set value = 'live' where name = 'mail.delivery'";
            const live = [{ name: "live.sql", database: "shop", sql, transaction: true }];
            const at = { afterRestore: live, beforeSwitch: live };
            plan.hooks = { at, variables: {}, secrets: {}, timeout: 60 };
            plan.mail = demosMail("sink");
        });
        expect(status, sentence).toBe(0);
        expect(await applicationsWay(fourth)).toEqual(caught);
        const [{ report }] = (await replica.server.query(
            "postgres",
            `select report from understudy.generation where id = '${fourth}'`,
        )) as [{ report: unknown }];
        expect(databaseReport.parse(report).hooks?.map(({ name, rows }) => [name, rows])).toEqual([
            ["live.sql", 1],
            ["live.sql", 1],
            ["mail.sql no. 1", 3],
        ]);
    });

    test("does not come up at all when it cannot be told", async () => {
        const before = await replica.server.content();
        const { status, sentence } = await prepare("00000000ee", (plan) => {
            plan.mail = demosMail("sink", { sql: [{ sql: "update preferences set value = 'sink'" }] });
        });
        expect(sentence).toMatch(/mail\.sql no\. 1 .* fails at line 1: relation "preferences" does not exist/);
        expect(status).toBe(1);
        expect(await replica.server.content()).toBe(before);
    });
});

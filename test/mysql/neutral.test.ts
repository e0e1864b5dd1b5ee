import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HookPoint, HooksPlan } from "../../contract/hooks";
import type { DatabaseIdentity } from "../../contract/identity";
import type { TableRules } from "../../contract/masking";
import type { MysqlCopyPlan } from "../../contract/mysql";
import { databaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { aside, frame, ids, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let replica: MysqlReplica;
let page: Server;
const [first, second] = ids;
const [host, ours] = ["members.example.org", "members.staging.example.net"];

/** A community's tables, as Elgg and WordPress have them. */
const schema = `CREATE TABLE \`site\` (
  \`id\` int NOT NULL AUTO_INCREMENT,
  \`url\` varchar(100) NOT NULL,
  \`settings\` longtext,
  PRIMARY KEY (\`id\`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4;
INSERT INTO \`site\` VALUES (1,'https://${host}/','a:2:{s:3:"url";s:27:"https://${host}";s:4:"text";s:9:"Größe";}'),(2,'https://elsewhere.example.com/',NULL);
CREATE TABLE \`entry\` (
  \`name\` varchar(20) NOT NULL,
  \`body\` text,
  \`details\` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(\`details\`))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO \`entry\` VALUES ('a','my${host} and ${host}','{"link": "https:\\\\/\\\\/${host}\\\\/a"}'),('b','nothing','{"n": 1}'),('b','${host}',NULL);
CREATE TABLE \`member\` (
  \`id\` int NOT NULL AUTO_INCREMENT,
  \`mail\` varchar(60) NOT NULL,
  \`name\` varchar(40),
  \`phone\` varchar(20),
  \`password\` varchar(60) NOT NULL,
  \`note\` text,
  \`city\` varchar(20),
  \`level\` int NOT NULL DEFAULT 1,
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`mail\` (\`mail\`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=latin1;
INSERT INTO \`member\` VALUES (1,'Ann@example.org','Ann','0123','$2y$10$x','secret note','Köln',1),(2,'ben@example.org','','','$2y$10$y',NULL,'Bonn',2),(3,'cem@example.org','Cem','99','$2y$10$z','x','Ulm',3);
CREATE TABLE \`session\` (
  \`id\` char(8) NOT NULL,
  \`member\` int,
  PRIMARY KEY (\`id\`),
  KEY \`member\` (\`member\`),
  CONSTRAINT \`of_member\` FOREIGN KEY (\`member\`) REFERENCES \`member\` (\`id\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO \`session\` VALUES ('s1',1);
CREATE TABLE \`flag\` (
  \`id\` int NOT NULL,
  \`name\` varchar(20) NOT NULL,
  \`value\` varchar(60),
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`name\` (\`name\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO \`flag\` VALUES (1,'beta','off'),(2,'other','production');
CREATE TABLE \`log\` (\`text\` varchar(200)) ENGINE=InnoDB;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=\`root\`@\`localhost\`*/ /*!50003 TRIGGER \`audit\` BEFORE UPDATE ON \`member\` FOR EACH ROW BEGIN insert into log values (old.mail); END */;;
DELIMITER ;
`;

const nothing: DatabaseIdentity = { columns: "all", except: [], empty: [], set: [], preserve: [] };

beforeAll(async () => {
    replica = await startMysqlReplica();
    replica.store(stampBefore(3600), frame(schema));
    for (const [name, text] of [
        ["oauth", "s3cr3t 'of' many\\words\n"],
        ["masking", "the key"],
    ] as const) {
        writeFileSync(join(replica.folder, "secrets", name), text);
    }
    page = createServer((_, response) => response.end("well")).listen(0, "127.0.0.1");
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
});
afterAll(async () => {
    page?.close();
    await replica?.stop();
});

const query = (sql: string, database = aside(second)) => replica.server.query(database, sql);

async function forget(id: string): Promise<void> {
    await replica.server.query(
        undefined,
        `drop database if exists ${aside(id)}; drop user if exists 'understudy_${id}'; delete from understudy.generation where id = '${id}'`,
    );
}
beforeEach(() => forget(second));

async function prepared(change: (plan: MysqlCopyPlan) => void) {
    const ending = await replica.run("prepare-database", replica.plan(second, first, change));
    expect(ending.log).not.toContain("s3cr3t");
    if (ending.status === 0) {
        const [row] = await query(`select report from understudy.generation where id = '${second}'`);
        return { ...ending, report: databaseReport.parse(JSON.parse(String(row?.report))) };
    }
    return { ...ending, report: undefined };
}

describe("identity", () => {
    const own =
        (wanted: Partial<DatabaseIdentity>, rewrite = [{ from: host, to: ours }]) =>
        (plan: MysqlCopyPlan) => {
            plan.identity = { rewrite, databases: { shop: { ...nothing, ...wanted } } };
        };

    test("S4-02 addresses are rewritten in text, JSON and PHP's values, in tables with a key and without, and proven gone", async () => {
        const { sentence, report } = await prepared(own({}));
        expect(sentence).toMatch(/is restored and proven/);
        expect(report?.identity?.rewritten).toEqual({
            "site.url": 1,
            "site.settings": 1,
            "entry.body": 2,
            "entry.details": 1,
        });
        expect(await query("select url, settings from site where id = 1")).toEqual([
            {
                url: `https://${ours}/`,
                settings: `a:2:{s:3:"url";s:35:"https://${ours}";s:4:"text";s:9:"Größe";}`,
            },
        ]);
        expect(await query("select body, concat(details) as details from entry order by name, body desc")).toEqual([
            { body: `my${host} and ${ours}`, details: `{"link": "https:\\/\\/${ours}\\/a"}` },
            { body: "nothing", details: '{"n": 1}' },
            { body: ours, details: null },
        ]);
        expect(await query("select count(*) as n from log")).toEqual([{ n: 0 }]);
    });

    test("tables are emptied, values set, counters raised", async () => {
        const { report, sentence } = await prepared(
            own({
                empty: ["session"],
                set: [
                    {
                        table: "flag",
                        columns: { value: { file: join(replica.folder, "secrets/oauth") } },
                        where: "name = 'other' -- ?",
                    },
                    { table: "member", columns: { note: null, city: "Käte's ?" } },
                ],
                floor: 1_000_000,
            }),
        );
        expect(sentence).toMatch(/is restored and proven/);
        expect(report?.identity).toMatchObject({
            emptied: ["session"],
            set: [
                { table: "flag", rows: 1 },
                { table: "member", rows: 3 },
            ],
            raised: 2,
        });
        expect(await query("select value from flag order by id")).toEqual([
            { value: "off" },
            { value: "s3cr3t 'of' many\\words" },
        ]);
        expect(await query("select distinct note, city from member")).toEqual([{ note: null, city: "Käte's ?" }]);
        await query("insert into site (url) values ('x')");
        expect(await query("select max(id) as id from site")).toEqual([{ id: 1_000_000 }]);
        expect(await query("select count(*) as n from log")).toEqual([{ n: 0 }]);
        expect(await query("show triggers")).toHaveLength(1);
    });

    test("what is named and is not there is told before anything is changed, all at once", async () => {
        const { status, sentence } = await prepared(
            own({
                except: ["nowhere"],
                empty: ["member", "gone"],
                set: [{ table: "flag", columns: { nothing: "x" } }],
                preserve: [{ table: "flag", key: ["value"] }],
                floor: { flag: 5 },
            }),
        );
        expect(status).toBe(1);
        for (const part of [
            "identity.except names nowhere, which is neither a table nor table.column",
            "identity.empty names gone, and there is no such table",
            "identity.empty names member, to which rows of session refer (of_member)",
            "identity.set names flag.nothing, and there is no such column",
            "identity.preserve has the key value for flag, which no primary key or unique index has there",
            "identity.sequences.floor names flag, and no such table has an AUTO_INCREMENT column",
        ]) {
            expect(sentence).toContain(part);
        }
    });

    test("rows of the copy in use are taken over by their key", async () => {
        const live = replica.plan(first, first);
        for (const command of ["prepare-database", "switch"] as const) {
            expect(await replica.run(command, live)).toMatchObject({ status: 0 });
        }
        await query(
            "update flag set value = concat('on ', value), id = 7 where name = 'beta'; insert into flag values (9, 'mine', 'https://members.example.org')",
            "shop",
        );
        const { report, sentence } = await prepared(own({ preserve: [{ table: "flag", key: ["name"] }] }));
        expect(sentence).toMatch(/is restored and proven/);
        expect(report?.identity?.preserved).toEqual({ flag: 3 });
        expect(await query("select id, name, value from flag order by id")).toEqual([
            { id: 2, name: "other", value: "production" },
            { id: 7, name: "beta", value: "on off" },
            { id: 9, name: "mine", value: `https://${ours}` },
        ]);
    });

    test("a value without room for it is told with its table", async () => {
        const long = `${"long".repeat(20)}.example.net`;
        const { status, sentence } = await prepared(own({}, [{ from: host, to: long }]));
        expect(status).toBe(1);
        expect(sentence).toMatch(
            /identity.rewrite fails in table site: Data too long for column 'url'.* Write its column to identity.except/,
        );
    });

    test("what a hook brings back is found", async () => {
        const { status, sentence } = await prepared((plan) => {
            own({})(plan);
            plan.hooks = hooksOf({ beforeSwitch: [`update flag set value = 'see ${host}'`] });
        });
        expect(status).toBe(1);
        expect(sentence).toContain("What identity.rewrite takes away is still in rows of flag.value (2)");
    });
});

describe("masking", () => {
    const mask =
        (rules: TableRules, forbidden: string[] = []) =>
        (plan: MysqlCopyPlan) => {
            const keyFile = join(replica.folder, "secrets/masking");
            plan.masking = { file: "masking.yaml", keyFile, forbidden, databases: { shop: rules } };
        };
    const kept: TableRules = { site: "keep", entry: "keep", session: "keep", flag: "keep", log: "keep" };
    const member = {
        mail: "email",
        name: "name",
        phone: "phone",
        password: "unusable",
        note: "hash",
        city: "shuffle",
    } as const;

    test("columns get what their rules say, the same for the same, and nothing of what was there is left", async () => {
        const { sentence, report } = await prepared(mask({ ...kept, member }, ["example.org/private"]));
        expect(sentence).toMatch(/is restored and proven/);
        expect(report?.masked?.columns).toMatchObject({ "member.mail": "email", "member.city": "shuffle" });
        const rows = await query("select mail, name, phone, password, note, city from member order by id");
        expect(rows).toEqual([
            {
                mail: expect.stringMatching(/^[0-9a-f]{16}@replica\.invalid$/),
                name: expect.stringMatching(/^[A-Z][a-z]{7} [A-Z][a-z]{7}$/),
                phone: expect.stringMatching(/^\+999\d{9}$/),
                password: "!",
                note: expect.stringMatching(/^[0-9a-f]{32}$/),
                city: expect.any(String),
            },
            { mail: expect.any(String), name: "", phone: "", password: "!", note: null, city: expect.any(String) },
            {
                mail: expect.any(String),
                name: expect.any(String),
                phone: expect.any(String),
                password: "!",
                note: expect.any(String),
                city: expect.any(String),
            },
        ]);
        expect(rows.map(({ city }) => city).sort()).toEqual(["Bonn", "Köln", "Ulm"]);
        // As PostgreSQL makes it of the same value under the same key.
        const hash = createHash("sha256").update("the keyxthe key").digest("hex");
        expect(rows[2]?.note).toBe(hash.slice(0, 32));
        expect(await query("select count(*) as n from log")).toEqual([{ n: 0 }]);
    });

    test("text that nobody has looked at stops the copy, with the lines to add", async () => {
        const { status, sentence } = await prepared(mask({ ...kept, member: { ...member, note: undefined } as never }));
        expect(status).toBe(1);
        expect(sentence).toMatch(
            /neither a rule nor keep for 1 column with text of database shop.*member: \{ note: hash \}/,
        );
    });

    test("expressions of SQL, fixed texts and nothing", async () => {
        const rules = {
            ...member,
            phone: { sql: "concat(left(value, 1), '…')" },
            name: { fixed: "Käte's" },
            note: "null",
        } as const;
        const { sentence } = await prepared(mask({ ...kept, member: rules }));
        expect(sentence).toMatch(/is restored and proven/);
        expect(await query("select name, note, length(phone) as length from member order by id")).toEqual([
            { name: "Käte's", note: null, length: 2 },
            { name: "Käte's", note: null, length: 1 },
            { name: "Käte's", note: null, length: 2 },
        ]);
        expect(await query("show function status where db = database()")).toEqual([]);
    });

    test("a value that survives, and a forbidden text, stop the copy", async () => {
        const same = { ...member, phone: { sql: "value" } } as const;
        expect((await prepared(mask({ ...kept, member: same }))).sentence).toMatch(
            /After masking, values that production has are still in member.phone \(2 rows\)/,
        );
        expect((await prepared(mask({ ...kept, member }, ["ELSEWHERE.example"]))).sentence).toMatch(
            /holds what masking.forbidden names: "ELSEWHERE.example" in site.url/,
        );
    });
});

function hooksOf(at: Partial<Record<HookPoint, string[]>>, timeout = 60): HooksPlan {
    const hook = (sql: string, number: number) => ({
        name: `hook ${number + 1}`,
        database: "shop",
        transaction: true,
        sql,
    });
    return {
        at: Object.fromEntries(Object.entries(at).map(([point, hooks]) => [point, hooks.map(hook)])),
        variables: { site: "https://staging.example.org" },
        secrets: { oauth: join(replica.folder, "secrets/oauth") },
        timeout,
    } as HooksPlan;
}

describe("hooks", () => {
    test("S4-08 a list of update steps is run in its order after the restore; an empty list changes nothing", async () => {
        const steps = [
            "insert into log values ('one')",
            "insert into log select concat(text, ' two') from log; delete from log where text = 'one'",
        ];
        const { report } = await prepared((plan) => {
            plan.hooks = hooksOf({ afterRestore: steps });
        });
        expect(await query("select text from log")).toEqual([{ text: "one two" }]);
        expect(report?.hooks).toMatchObject([
            { name: "hook 1", rows: 1 },
            { name: "hook 2", rows: 2 },
        ]);
        await forget(second);
        await prepared((plan) => {
            plan.hooks = hooksOf({ afterRestore: [] });
        });
        expect(await query("select text from log")).toEqual([]);
    });

    test("S4-18 hooks run at their points, with values and secrets, and once after the switch", async () => {
        const at = { afterRestore: "restored", beforeSwitch: "before", afterSwitch: "after", afterStart: "started" };
        const hooks = hooksOf(
            Object.fromEntries(
                Object.entries(at).map(([point, word]) => [
                    point,
                    [`-- ${word};\ninsert into log values (concat('${word} ', @understudy_site, @understudy_oauth))`],
                ]),
            ),
        );
        const plan = replica.plan(second, first, (plan) => {
            plan.hooks = hooks;
            plan.smoke = { url: `http://127.0.0.1:${(page.address() as AddressInfo).port}/` };
        });
        for (const command of ["prepare-database", "switch", "smoke", "switch", "smoke"] as const) {
            const { status, log } = await replica.run(command, plan);
            expect(status, log).toBe(0);
            expect(log).not.toContain("s3cr3t");
        }
        const values = "https://staging.example.orgs3cr3t 'of' many\\words";
        expect((await query("select text from log", "shop")).map(({ text }) => text)).toEqual(
            Object.values(at).map((word) => `${word} ${values}`),
        );
        await replica.run("switch", replica.plan(first, first));
    });

    sweep<[string, string, RegExp]>([
        [
            "fails",
            "select 1;\n\nupdate flag\nset nonsense = 1",
            /hook 1 \(afterRestore, database shop\) fails at line 3: Unknown column 'nonsense'/,
        ],
        ["may not do it", "select * from mysql.user", /fails at line 1: .* denied/],
        ["reaches for the live copy", "delete from shop.flag", /fails at line 1: .* denied/],
        ["is for a client", "\\! ls", /it holds the client command \\!/],
        ["ends in the middle", "select 'one", /it ends in the middle of a statement/],
        [
            "names a secret in its error",
            "insert into session values (@understudy_oauth, 1)",
            /Data too long for column 'id'|<oauth>/,
        ],
    ])("that one %s is told, and nothing of the copy is left", async (_, sql, reason) => {
        const before = await replica.server.content();
        const { status, sentence } = await prepared((plan) => {
            plan.hooks = hooksOf({ afterRestore: [sql] });
        });
        expect(sentence).toMatch(reason);
        expect(status).toBe(1);
        expect(await replica.server.content()).toBe(before);
    });

    test("that one takes too long is told, and it is ended", async () => {
        const { status, sentence } = await prepared((plan) => {
            plan.hooks = hooksOf({ afterRestore: ["select sleep(600)"] }, 1);
        });
        expect(sentence).toMatch(/took longer than hooks.timeout \(1 s\) and was ended/);
        expect(status).toBe(1);
        expect(
            await query(
                "select count(*) as n from information_schema.processlist where info like '%sleep(600)%' and id <> connection_id()",
                "mysql",
            ),
        ).toEqual([{ n: 0 }]);
    });
});

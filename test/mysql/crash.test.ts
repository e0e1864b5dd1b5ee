import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aside, frame, ids, login, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let replica: MysqlReplica;
const [first, second] = ids;

const contents = (id: string) => {
    const tables = Array.from({ length: 60 }, (_, n) => {
        return `CREATE TABLE \`t${n}\` (\n  \`id\` int NOT NULL,\n  \`text\` varchar(20),\n  PRIMARY KEY (\`id\`)\n) ENGINE=InnoDB;\nINSERT INTO \`t${n}\` VALUES (1,'${id}');`;
    });
    const code = `DELIMITER ;;\nCREATE DEFINER=\`a\`@\`b\` TRIGGER \`noted\` BEFORE INSERT ON \`t1\` FOR EACH ROW BEGIN set new.text = '${id}'; END ;;\nDELIMITER ;`;
    const view =
        "/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */ /*!50001 VIEW `v` AS select `t1`.`text` AS `text` from `t1` */;";
    return frame([...tables, code, view].join("\n"));
};

beforeAll(async () => {
    // What is written has to be there after a power failure.
    replica = await startMysqlReplica({ innodb_flush_log_at_trx_commit: "1" });
    for (const [at, id] of [first, second].entries()) {
        replica.store(stampBefore(4000 - at), contents(id));
        expect(await replica.run("prepare-database", replica.plan(id, first))).toMatchObject({ status: 0 });
    }
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

/** Whose tables, view and trigger a database has, if they agree. */
async function whose(database: string): Promise<string> {
    const { query } = replica.server;
    const names = Array.from({ length: 60 }, (_, n) => `select text from t${n}`);
    const rows = await query(database, `${names.join(" union ")} union select text from v`);
    const triggers = await query(
        database,
        "select trigger_name as name, action_statement as body from information_schema.triggers where trigger_schema = database()",
    );
    return JSON.stringify([
        rows.map(({ text }) => text),
        triggers.map(({ name, body }) => `${name} ${/'(\w+)'/.exec(String(body))?.[1]}`),
    ]);
}

const expected = (id: string) => JSON.stringify([[id], [`noted ${id}`]]);

test("a server that goes down at any moment of a switch has one whole copy live after the next run", async () => {
    let was = first as string;
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
        const next = was === first ? second : first;
        const running = replica.run("switch", replica.plan(next, first));
        await sleep(230 + round * 50);
        await replica.server.crash();
        await running;
        const { status, log } = await replica.run("switch", replica.plan(next, first));
        expect(status, log).toBe(0);
        seen.add(/finishing|undoing|live already/.exec(log)?.[0] ?? "anew");
        expect(await whose("shop")).toBe(expected(next));
        expect(await whose(aside(was))).toBe(expected(was));
        expect(await replica.server.query("shop", "select text from v", login)).toEqual([{ text: next }]);
        was = next;
    }
    expect(seen.size).toBeGreaterThan(1);
    await finished(was);
});

/** A run finds that the tables were renamed, and nothing after it has happened. */
async function finished(live: string): Promise<void> {
    const { query } = replica.server;
    const former = live === first ? second : first;
    const objectsOf = async (database: string) => {
        const [view] = await query(database, "show create view v");
        const [trigger] = await query(database, "show create trigger noted");
        const settings = "set sql_mode = ''";
        return [
            { kind: "view", name: "v", sql: view?.["Create View"], settings },
            { kind: "trigger", name: "noted", sql: trigger?.["SQL Original Statement"], settings },
        ];
    };
    const content = JSON.stringify({
        next: live,
        former,
        databases: [
            {
                ...{ live: "shop", next: aside(live), former: aside(former), nextTables: [], liveTables: [] },
                columns: { v: ["text"] },
                nextObjects: await objectsOf("shop"),
                liveObjects: await objectsOf(aside(former)),
            },
        ],
    });
    for (const database of ["shop", aside(former)]) {
        await query(database, "drop view v; drop trigger noted");
    }
    await query(
        "understudy",
        `create table switched_${live} (nothing int); create database ${aside(live)};
         insert into switching (stack, content) values ('understudy/test''s', x'${Buffer.from(content).toString("hex")}');
         update generation set state = if(id = '${live}', 'proven', 'live'); alter user ${login.user}@'%' account lock`,
    );
    const { status, log, sentence } = await replica.run("switch", replica.plan(live, first));
    expect(status, log).toBe(0);
    expect(log).toContain(`finishing the switch to generation ${live}`);
    expect(sentence).toContain("is live already");
    expect(await whose("shop")).toBe(expected(live));
    expect(await whose(aside(former))).toBe(expected(former));
    expect(await query("shop", "select text from v", login)).toEqual([{ text: live }]);
    expect(await query("understudy", "select id, state from generation where state = 'live'")).toEqual([
        { id: live, state: "live" },
    ]);
    expect(await query("understudy", "show tables like 'switche%'")).toEqual([]);
}

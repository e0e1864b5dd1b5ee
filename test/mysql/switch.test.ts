import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sweep } from "../sweep";
import { aside, frame, ids, login, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

let replica: MysqlReplica;
const [first, second, third] = ids;

/** Rows, keys, views on each other, a trigger, routines, a sequence and an event, all of which tell whose they are. */
function contents(id: string): Buffer {
    const rows = Array.from({ length: 300 }, (_, n) => `(${n},${n % 10},'${id}')`).join(",");
    const kinds = Array.from({ length: 10 }, (_, n) => `(${n},'${id}')`).join(",");
    return frame(`CREATE TABLE \`item\` (
  \`n\` int NOT NULL,
  \`kind\` int,
  \`text\` varchar(20) NOT NULL,
  PRIMARY KEY (\`n\`),
  KEY \`kind\` (\`kind\`),
  CONSTRAINT \`of_kind\` FOREIGN KEY (\`kind\`) REFERENCES \`kind\` (\`id\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO \`item\` VALUES ${rows};
CREATE TABLE \`kind\` (
  \`id\` int NOT NULL,
  \`text\` varchar(20) NOT NULL,
  PRIMARY KEY (\`id\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO \`kind\` VALUES ${kinds};
CREATE TABLE \`log\` (\`text\` varchar(80)) ENGINE=InnoDB;
CREATE SEQUENCE \`number\` start with 5;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=\`root\`@\`localhost\`*/ /*!50003 TRIGGER \`noted\` AFTER INSERT ON \`item\` FOR EACH ROW
BEGIN insert into log values ('${id}; one'); END */;;
CREATE DEFINER=\`root\`@\`localhost\` FUNCTION \`whose\`() RETURNS varchar(20) DETERMINISTIC return '${id}';;
/*!50106 CREATE*/ /*!50117 DEFINER=\`root\`@\`%\`*/ /*!50106 EVENT \`sweep\` ON SCHEDULE EVERY 1 SECOND ON COMPLETION NOT PRESERVE ENABLE DO delete from log */;;
DELIMITER ;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=\`root\`@\`localhost\` SQL SECURITY DEFINER */
/*!50001 VIEW \`all_of_them\` AS select \`later\`.\`text\` AS \`text\`,\`whose\`() AS \`whose\` from \`later\` */;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=\`root\`@\`localhost\` SQL SECURITY DEFINER */
/*!50001 VIEW \`later\` AS select \`item\`.\`text\` AS \`text\` from (\`item\` join \`kind\` on(\`kind\`.\`id\` = \`item\`.\`kind\`)) */;`);
}

beforeAll(async () => {
    replica = await startMysqlReplica({ event_scheduler: "ON" });
    for (const [at, id] of [first, second].entries()) {
        replica.store(stampBefore(4000 - at), contents(id));
        const { status, sentence } = await replica.run("prepare-database", replica.plan(id, first));
        expect(status, sentence).toBe(0);
    }
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

const objects = { function: "whose", trigger: "noted", event: "sweep", view: "all_of_them, later" };

/** What stands in a database: whose rows, objects and keys it has, as far as they agree. */
async function standing(database: string) {
    const query = (sql: string) => replica.server.query(database, sql);
    const texts = await query(
        "select text, count(*) as count from item group by text union select text, count(*) from kind group by text",
    );
    const found = await query(
        `select lower(routine_type) as kind, group_concat(routine_name order by 1) as names from information_schema.routines where routine_schema = database()
          union all select 'trigger', group_concat(trigger_name) from information_schema.triggers where trigger_schema = database()
          union all select 'event', group_concat(event_name) from information_schema.events where event_schema = database() and status = 'DISABLED'
          union all select 'view', group_concat(table_name order by table_name separator ', ') from information_schema.views where table_schema = database()`,
    );
    const keys = await query(
        `select distinct referenced_table_schema as parent from information_schema.key_column_usage
          where table_schema = database() and referenced_table_name is not null`,
    );
    const [view] = await query("select distinct text, whose from all_of_them");
    return {
        whose: texts.map(({ text, count }) => `${text} ${count}`),
        objects: Object.fromEntries(found.map(({ kind, names }) => [kind, names])),
        keys: keys.map(({ parent }) => parent),
        view: `${view?.text} ${view?.whose}`,
    };
}

const whole = (id: string, database: string) => ({
    whose: [`${id} 300`, `${id} 10`],
    objects,
    keys: [database],
    view: `${id} ${id}`,
});

/** Live, former and proven generations as the records and the databases tell; they must agree. */
async function records() {
    const states = await replica.server.query(undefined, "select id, state from understudy.generation order by id");
    const databases = await replica.server.query(undefined, "show databases like 'shop%'");
    const accounts = await replica.server.query("mysql", "select user as user from user where user like 'understudy%'");
    const left = await replica.server.query(
        undefined,
        "select table_name as name from information_schema.tables where table_schema = 'understudy' and table_name like 'switch%'",
    );
    return {
        states: Object.fromEntries(states.map(({ id, state }) => [id, state])),
        databases: databases.flatMap((row) => Object.values(row)),
        accounts: accounts.map(({ user }) => user),
        left: left.map(({ name }) => name),
    };
}

const live = (id: string, other: string, was = "former") => ({
    states: { [id]: "live", [other]: was },
    databases: ["shop", aside(other)],
    accounts: [`understudy_${other}`],
    left: ["switching"],
});

test("the first generation becomes live, and doing it again changes nothing", async () => {
    const { status, sentence } = await replica.run("switch", replica.plan(first, first));
    expect(sentence).toMatch(/is live, the first one; it was away for \d+ ms/);
    expect(status).toBe(0);
    expect(await records()).toEqual(live(first, second, "proven"));
    expect(await standing("shop")).toEqual(whole(first, "shop"));
    const before = await replica.server.content();
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("live already: nothing to do"),
    });
    expect(await replica.server.content()).toBe(before);
});

test("the application's account has rights on the live copy alone, and what is called there runs as this account", async () => {
    expect(await replica.server.query("shop", "select whose() as whose", login)).toEqual([{ whose: first }]);
    await replica.server.query(
        "shop",
        "insert into item values (1000, 1, 'x'); delete from item where n = 1000",
        login,
    );
    expect(await replica.server.query("shop", "select text from log", login)).toEqual([{ text: `${first}; one` }]);
    await expect(replica.server.query(aside(second), "select 1", login)).rejects.toThrow("denied");
    await expect(replica.server.query("understudy", "select 1", login)).rejects.toThrow("denied");
    await expect(
        replica.server.query("shop", "create event e on schedule every 1 second do do 0", login),
    ).rejects.toThrow("denied");
});

describe("refused", () => {
    sweep([
        ["a generation that nobody has made", third, first, "not restored and proven"],
        ["media that are not complete", second, third, "Generation 00000000cc of the media is not complete"],
    ])("%s", async (_, database, media, reason) => {
        const before = await replica.server.content();
        const ending = await replica.run("switch", replica.plan(database, media));
        expect(ending).toMatchObject({ status: 3, sentence: expect.stringContaining(reason) });
        expect(await replica.server.content()).toBe(before);
    });
});

/** Numbers of MariaDB's errors. */
const [accountLocked, killed, interrupted] = [4151, 1927, 1317];

interface Failure {
    errno?: number;
    code: string;
}

/** A client that asks all the time. */
async function busyClient(until: () => boolean) {
    const errors = new Set<unknown>();
    const answers: string[] = [];
    while (!until()) {
        const connection = await replica.server.connect("shop", login).catch((error: Failure) => {
            errors.add(error.errno ?? error.code);
        });
        try {
            while (connection && !until()) {
                const [rows] = await connection.query("select text, whose from all_of_them limit 1");
                const [row] = rows as { text: string; whose: string }[];
                expect(row?.text).toBe(row?.whose);
                answers.push(String(row?.text));
            }
        } catch (error) {
            const { errno, code } = error as Failure;
            errors.add(errno ?? code);
        } finally {
            connection?.destroy();
        }
    }
    return { errors, answers };
}

test("eight clients that ask all the time see the old, then the new copy, and never a mixture", async () => {
    let done = false;
    const clients = Array.from({ length: 8 }, () => busyClient(() => done));
    await sleep(500);
    const ending = await replica.run("switch", replica.plan(second, first));
    expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining(`in place of ${first}`) });
    await sleep(500);
    done = true;
    for (const { errors, answers } of await Promise.all(clients)) {
        expect(answers.filter((answer, at) => answer !== answers[at - 1])).toEqual([first, second]);
        for (const error of errors) {
            // Ended by the switch, or not let in meanwhile.
            expect(["PROTOCOL_CONNECTION_LOST", "ECONNRESET", "EPIPE", accountLocked, killed, interrupted]).toContain(
                error,
            );
        }
    }
    expect(await records()).toEqual(live(second, first));
    expect(await standing("shop")).toEqual(whole(second, "shop"));
    expect(await standing(aside(first))).toEqual(whole(first, aside(first)));
});

test("a rollback is the same switch back", async () => {
    expect(await replica.run("prepare-database", replica.plan(first, first))).toMatchObject({
        sentence: expect.stringContaining("already there (former): nothing to do"),
    });
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
    expect(await records()).toEqual(live(first, second));
    expect(await standing("shop")).toEqual(whole(first, "shop"));
    expect(await standing(aside(second))).toEqual(whole(second, aside(second)));
});

test("a session that holds on to a table is ended", async () => {
    const holder = await replica.server.connect("shop");
    await holder.query("lock tables item write, kind read");
    const { status, sentence } = await replica.run("switch", replica.plan(second, first));
    expect(sentence).toContain("is live");
    expect(status).toBe(0);
    await expect(holder.query("select 1")).rejects.toThrow();
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
    holder.destroy();
});

test("S4-16 and 5.6 (9): stray tables, views and routines of the live copy go, however many and however long their names", async () => {
    const many = Array.from({ length: 600 }, (_, n) => `stray_${String(n).padStart(50, "x")}`);
    const statements = many.map((name) => `create table ${name} (a int) engine = MyISAM`);
    await replica.server.query(
        "shop",
        `${statements.join(";")}; create view stray as select * from item; create procedure lost() select 1;
         create trigger gone before delete on kind for each row set @x = 1`,
    );
    // The former way: a list of names of tables, which the server cuts, and none of views.
    const [row] = await replica.server.query(
        "shop",
        "set session group_concat_max_len = 32768; select group_concat(table_name) as list from information_schema.tables where table_schema = 'shop'",
    );
    expect(String(row?.list).length).toBe(32_768);
    await expect(replica.server.query("shop", `drop table ${row?.list}`)).rejects.toThrow();

    const { status, sentence } = await replica.run("switch", replica.plan(second, first));
    expect(sentence).toContain("is live");
    expect(status).toBe(0);
    expect(await replica.server.query("shop", "show tables")).toHaveLength(6);
    expect(await standing("shop")).toEqual(whole(second, "shop"));
    await replica.server.query(aside(first), `drop table ${many.join(", ")}`);
    await replica.server.query(aside(first), "drop view stray; drop procedure lost; drop trigger gone");
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
});

test("killed at any moment, exactly one copy is live and whole, and the next run goes on from there", async () => {
    let was = first as string;
    for (let round = 0; round < 16; round++) {
        const next = was === first ? second : first;
        // From before it connects to after it has ended.
        const wait = 120 + ((round * 37) % 300);
        await replica.run("switch", replica.plan(next, first), {
            started: (child) => void sleep(wait).then(() => child.kill("SIGKILL")),
        });
        const rerun = await replica.run("switch", replica.plan(next, first));
        expect(rerun, rerun.log).toMatchObject({ status: 0 });
        expect(await records()).toEqual(live(next, was));
        expect(await standing("shop")).toEqual(whole(next, "shop"));
        expect(await standing(aside(was))).toEqual(whole(was, aside(was)));
        expect(await replica.server.query("shop", "select whose() as whose", login)).toEqual([{ whose: next }]);
        was = next;
    }
});

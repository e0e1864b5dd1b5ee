import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { sweep } from "../sweep";
import { aside, dump, frame, ids, type Replica, stampBefore, startProduction, startReplica } from "./replica";
import type { TestServer } from "./server";

let production: TestServer;
let replica: Replica;
let stamp: string;

/** Rows that look like what stands between the databases of a dump. */
const lines = [
    "\\connect accounts",
    '--\n-- Database "zebra" dump\n--\n',
    "\n--\n-- PostgreSQL database dump complete\n--\n\n\\connect zebra\n",
    "-- PostgreSQL database dump",
    "-- PostgreSQL database dump complete",
    "-- PostgreSQL database cluster dump complete",
    "';\n\\connect shop\nCREATE ROLE evil SUPERUSER;\n",
];

beforeAll(async () => {
    [production, replica] = await Promise.all([startProduction(), startReplica()]);
    const { query } = production;
    await query(
        "postgres",
        `alter role shop password 'first secret';
         create role clerk login password 'second secret' valid until '2040-01-01';
         grant reader to clerk;
         alter role postgres set allow_in_place_tablespaces to on`,
    );
    await query("postgres", "create tablespace fast location ''");
    for (const name of ["accounts", "zebra", '"Odd ""name=\'x"']) {
        await query("postgres", `create database ${name} owner clerk`);
    }
    await query(
        "postgres",
        "alter database shop set search_path to nowhere; alter role clerk in database shop set timezone to 'UTC'",
    );
    const values = lines.map((line) => `($x$${line}$x$)`).join(", ");
    for (const name of ["accounts", "shop", "zebra"]) {
        await query(
            name,
            `create table public.${name}_lines (a text) tablespace fast;
             insert into public.${name}_lines values ${values};
             comment on table public.${name}_lines is $x$${lines.join("\n")}$x$;
             create function public.${name}_body() returns text language sql as $x$ select '${lines.slice(0, -1).join("\n")}' $x$`,
        );
    }
});
afterAll(async () => {
    await production?.stop();
    await replica?.stop();
});
beforeEach(() => {
    rmSync(join(replica.folder, "store"), { recursive: true, force: true });
    mkdirSync(join(replica.folder, "store/hourly"), { recursive: true });
    stamp = stampBefore(300);
});

/** A compressed dump of production's whole server. */
async function serverDump(args: string[] = ["--clean", "--if-exists"]): Promise<Buffer> {
    return gzipSync(await production.tool("pg_dumpall", args), { level: 1 });
}

/** Runs prepare-database with database.dump set to server. */
function restoring(id: string, change: (database: Plan["database"]) => void = () => undefined) {
    const plan = replica.plan(id, ids[0], ({ database }) => {
        database.dump = "server";
        change(database);
    });
    return replica.run("prepare-database", plan);
}

/** The run ended with that status and reason, and nothing on the server tells that it ever ran. */
async function expectNothing(status: number, reason: RegExp, run: () => ReturnType<typeof restoring>) {
    const before = await replica.server.content();
    const ending = await run();
    expect(ending.sentence).toMatch(reason);
    expect(ending.status).toBe(status);
    expect(await replica.server.content()).toBe(before);
}

async function contentOf(database: string): Promise<string> {
    return (await replica.server.tool("pg_dump", [database])).toString().replaceAll(/^\\(un)?restrict .*$/gm, "");
}

async function namesOn({ query }: TestServer): Promise<unknown> {
    const [row] = await query(
        "postgres",
        `select (select array_agg(datname::text order by datname) from pg_database) as databases,
                (select array_agg(rolname::text order by rolname) from pg_roles where rolname !~ '^(pg_|shop__)') as roles,
                (select array_agg(spcname::text order by spcname) from pg_tablespace) as tablespaces`,
    );
    return row;
}

describe("one database out of a dump of the whole server", () => {
    beforeAll(async () => {
        replica.store(stampBefore(200), await dump(production));
        expect(await replica.run("prepare-database", replica.plan(ids[0], ids[0]))).toMatchObject({ status: 0 });
    });

    sweep([
        ["as production's schedule makes it", ["--clean", "--if-exists"], ids[1]],
        ["without anything", [], ids[2]],
        ["as INSERT statements", ["--clean", "--if-exists", "--inserts"], ids[3]],
    ])("%s is what a dump of that database alone would be", async (_, args, id) => {
        const before = (await namesOn(replica.server)) as { databases: string[] };
        replica.store(stamp, await serverDump(args), "dumpall");
        replica.store(stampBefore(4000), gzipSync("an older one"), "dumpall");
        replica.store(stampBefore(10), frame("SELECT 'a newer one, of the database alone';"));
        const { status, sentence, log } = await restoring(id);
        expect(status, log).toBe(0);
        expect(await contentOf(aside(id))).toBe(await contentOf(aside(ids[0])));
        expect(await namesOn(replica.server)).toEqual({
            ...before,
            databases: [...before.databases, aside(id)].sort(),
        });

        const leftOut = [
            `5 other databases (template1, Odd "name='x, accounts, postgres, zebra)`,
            "the definitions of 6 roles",
            "the passwords of 3 of them",
            "1 tablespace",
        ];
        expect(sentence).toContain(`backup-${stamp}-dumpall.sql.gz`);
        expect(sentence).toContain(`Left out of the whole server's dump: ${leftOut.join("; ")}.`);
        const [generation] = await replica.server.query(
            "postgres",
            `select report from understudy.generation where id = '${id}'`,
        );
        expect(generation?.report).toMatchObject({ dump: "server", leftOut, largeObjects: 2, sequences: 5 });
        const passwords = await production.query(
            "postgres",
            "select rolpassword from pg_authid where rolpassword is not null",
        );
        const everything = log + sentence + (await replica.server.content());
        expect(passwords).toHaveLength(3);
        for (const { rolpassword } of passwords) {
            expect(everything).not.toContain(rolpassword);
        }
    });
});

test("two databases out of one dump of the whole server, and no other", async () => {
    replica.store(stamp, await serverDump(), "dumpall");
    const { status, log, sentence } = await restoring("00000000f0", (database) => {
        database.databases = [
            { name: "shop", owner: "shop" },
            { name: "zebra", owner: "clerk" },
        ];
        database.expectedCount = 4;
    });
    expect(status, log).toBe(0);
    expect(sentence).toContain(`Left out of the whole server's dump: 4 other databases (template1, Odd`);
    for (const name of ["shop", "zebra"]) {
        const rows = await replica.server.query(`${name}__00000000f0`, `select a from public.${name}_lines`);
        expect(rows.map(({ a }) => a)).toEqual(lines);
    }
});

describe("is refused, with what to set:", () => {
    test("another number of databases than was expected", async () => {
        replica.store(stamp, await serverDump(), "dumpall");
        await expectNothing(3, /holds 4 databases \(Odd "name='x, accounts, shop, zebra\), and 5 were expected/, () =>
            restoring(ids[4], (database) => {
                database.expectedCount = 5;
            }),
        );
    });

    test("a database that is not in the dump", async () => {
        replica.store(stamp, await serverDump(), "dumpall");
        await expectNothing(
            3,
            /holds no database shopp: set database.name to one that it holds, which are Odd "name='x, accounts, shop, zebra\./,
            () =>
                restoring(ids[4], (database) => {
                    database.databases[0].name = "shopp";
                }),
        );
    });

    sweep([
        [
            "a dump of one database under the name of a whole server",
            "dumpall",
            "server",
            /set database.dump to database and name such files backup-<time>Z-<database>/,
        ],
        [
            "text under the name of a whole server",
            "dumpall",
            "server",
            /do not say "PostgreSQL database cluster dump". Make it with pg_dumpall/,
        ],
        [
            "a store with dumps of this database only",
            "shop",
            "server",
            /no backup of a whole server, only of shop: set database.dump to database, or/,
        ],
        [
            "a store with dumps of others only",
            "billing",
            "server",
            /only of billing: set database.dump to database and database.name to one of these/,
        ],
        [
            "a store with dumps of a whole server only",
            "dumpall",
            "database",
            /no backup of database shop, only of a whole server: set database.dump to server/,
        ],
    ] as const)("%s", async (what, subject, kind, reason) => {
        replica.store(stamp, what.startsWith("text") ? gzipSync("hello") : frame("SELECT 1;"), subject);
        await expectNothing(3, reason, () =>
            restoring(ids[4], (database) => {
                database.dump = kind;
            }),
        );
    });

    test("a dump that is cut among the roles", async () => {
        replica.store(stamp, (await serverDump()).subarray(0, 600), "dumpall");
        await expectNothing(3, /cannot be read up to its first database \(unexpected end of file\)/, () =>
            restoring(ids[4]),
        );
    });

    test("an empty store, an unknown stamp, a stale dump, a newer server's", async () => {
        await expectNothing(3, /holds no backup at all \(expected backup-<time>Z-dumpall/, () => restoring(ids[4]));
        const text = "-- PostgreSQL database cluster dump\n\\connect template1\n-- PostgreSQL database dump\n";
        replica.store(stamp, gzipSync(`${text}-- Dumped from database version 18.1\n`), "dumpall");
        replica.store(stampBefore(200), frame("SELECT 1;"));
        await expectNothing(3, new RegExp(`no backup of a whole server with stamp .*the newest are ${stamp}:`), () =>
            restoring(ids[4], (database) => {
                database.backup = stampBefore(200);
            }),
        );
        await expectNothing(3, /latest backup of a whole server, .* old, and the limit is 1 min/, () =>
            restoring(ids[4], (database) => {
                database.maximumAge = 60;
            }),
        );
        await expectNothing(3, /is of PostgreSQL 18.1, and the replica's server is 15/, () => restoring(ids[4]));
        replica.store(stamp, gzipSync(text), "dumpall");
        await expectNothing(3, /does not say which version .* make it with pg_dumpall/, () => restoring(ids[4]));
    });
});

describe("is never restored:", () => {
    const closing = "--\n-- PostgreSQL database cluster dump complete\n--\n";
    // What follows tells these from the rows that look like them.
    const toShop = /\\connect shop\n(?=\\restrict)/;
    const toZebra = /\\connect zebra\n(?=\\restrict)/;
    const zebra = '--\n-- Database "zebra" dump\n--\n\n--\n-- PostgreSQL database dump\n';

    sweep<[string, (text: string) => string, RegExp]>([
        ["a dump that ends after the database", (text) => text.slice(0, text.indexOf(zebra)), /was broken off/],
        [
            "a dump that ends in another database",
            (text) => text.slice(0, text.indexOf("COPY public.zebra_lines") + 60),
            /ends in the middle of a table's rows/,
        ],
        [
            "a dump without its closing line",
            (text) => text.replace(closing, ""),
            /without the line "PostgreSQL database cluster dump complete"/,
        ],
        [
            "a dump whose database has no closing line",
            (text) => {
                const end = text.indexOf(zebra);
                const line = text.lastIndexOf("-- PostgreSQL database dump complete", end);
                return text.slice(0, line) + text.slice(end);
            },
            /ends database shop without the line "PostgreSQL database dump complete"/,
        ],
        ["a second dump behind the first", (text) => text + text, /goes on after its end/],
        [
            "a database that comes twice",
            (text) => text.replace(closing, `\\connect shop\nCREATE TABLE public.evil (a integer);\n${closing}`),
            /holds database shop twice/,
        ],
        [
            "a database inside of another",
            (text) => text.replace(toShop, "$&\\connect zebra\n"),
            /goes over to database zebra before the end of database shop/,
        ],
        [
            "a command of psql in another database",
            (text) => text.replace(toZebra, "$&\\! id\n"),
            /holds the psql command \\!/,
        ],
        [
            "an encoding of psql's in the database",
            (text) => text.replace(toShop, "$&\\encoding LATIN1\n"),
            /holds the psql command \\encoding/,
        ],
        [
            "a connection to another host",
            (text) => text.replace(toShop, "\\connect shop postgres production\n"),
            /holds a \\connect command that pg_dumpall never writes/,
        ],
    ])("%s", async (_, change, reason) => {
        const text = gunzipSync(await serverDump()).toString();
        const changed = change(text);
        expect(changed).not.toBe(text);
        replica.store(stamp, gzipSync(changed, { level: 1 }), "dumpall");
        await expectNothing(1, reason, () => restoring(ids[4]));
    });

    test("a file that is cut behind the database", async () => {
        const bytes = await serverDump();
        for (const length of [bytes.length - 1, bytes.length - 9]) {
            replica.store(stamp, bytes.subarray(0, length), "dumpall");
            await expectNothing(1, /the gzip stream is truncated/, () => restoring(ids[4]));
        }
    });
});

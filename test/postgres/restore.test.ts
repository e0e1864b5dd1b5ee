import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
    aside,
    dump,
    frame,
    ids,
    loginPassword,
    type Replica,
    stampBefore,
    startProduction,
    startReplica,
} from "./replica";
import type { TestServer } from "./server";

let production: TestServer;
let replica: Replica;

beforeAll(async () => {
    [production, replica] = await Promise.all([startProduction(), startReplica()]);
});
afterAll(async () => {
    await production?.stop();
    await replica?.stop();
});

/** A dump's text without what has to differ: the random key, and what superusers own in production. */
function comparable(text: string): string {
    return text
        .replaceAll(/^\\(un)?restrict .*$/gm, "")
        .replaceAll(/Owner: postgres$/gm, "Owner: shop")
        .replaceAll(/OWNER TO postgres;$/gm, "OWNER TO shop;")
        .replace(/-- Name: everything; Type: PUBLICATION[\s\S]*?(?=-- Name: (?!everything))/, "")
        .replace(/-- Name: TABLE superusers_table; Type: ACL[\s\S]*?(?=-- Name: )/, "")
        .replaceAll(/(--|\s)+/g, " ");
}

describe.each([
    ["as production's schedule makes it", ["--clean", "--if-exists"], ids[0]],
    ["without anything", [], ids[1]],
    ["with its own database", ["--create", "--clean", "--if-exists"], ids[2]],
    ["as INSERT statements", ["--inserts", "--rows-per-insert=7"], ids[3]],
] as const)("a dump %s", (_, args, id) => {
    test("is restored whole, with owners and rights, and goes back to the same dump", async () => {
        const stamp = stampBefore(3600 - ids.indexOf(id));
        replica.store(stamp, await dump(production, [...args]));
        const plan = replica.plan(id, ids[0], ({ database }) => {
            database.backup = stamp;
        });

        const first = await replica.run("prepare-database", plan);
        expect(first, first.log).toMatchObject({ status: 0, sentence: expect.stringContaining("restored and proven") });

        const restored = (await replica.server.tool("pg_dump", [aside(id)])).toString();
        const original = (await production.tool("pg_dump", ["shop"])).toString();
        expect(comparable(restored)).toBe(comparable(original));

        const again = await replica.run("prepare-database", plan);
        expect(again).toMatchObject({ status: 0, sentence: expect.stringContaining("already there (proven)") });
    });

    test("leaves a report of what was proven, and no role of the load", async () => {
        const [generation] = await replica.server.query(
            "postgres",
            `select state, report from understudy.generation where id = '${id}'`,
        );
        const { tables, ...report } = (generation?.report ?? {}) as Record<string, unknown>;
        expect(generation?.state).toBe("proven");
        expect(report).toMatchObject({
            largeObjects: 2,
            sequences: 5,
            extensions: expect.objectContaining({ hstore: "1.8", citext: "1.6" }),
            sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        });
        expect(report.skipped).toContain("publications: a replica publishes nothing");
        if (id === ids[3]) {
            expect(tables).toEqual({});
            expect(report.unknown).toEqual([expect.stringContaining("INSERT statements")]);
        } else {
            expect(tables).toMatchObject({
                "public.customer": { rows: 3006, bytes: 234_837 },
                "public.empty_table": { rows: 0, bytes: 0 },
                "public.no_columns": { rows: 2, bytes: 2 },
                'public."new\nline"': { rows: 3, bytes: 6 },
                "public.parent": { rows: 2, bytes: 4 },
                "public.child": { rows: 1, bytes: 4 },
                "public.event_2025": { rows: 213, bytes: 4365 },
            });
            expect(report.proof).toContain(
                "complete in itself: there is no manifest that names what the backup should hold",
            );
            expect(report.unknown).toEqual([]);
        }
        const roles = await replica.server.query("postgres", "select from pg_roles where rolname like 'understudy%'");
        expect(roles).toEqual([]);
    });
});

describe("the roles of a generation", () => {
    test("the owner owns the database and cannot log in", async () => {
        const [row] = await replica.server.query(
            "postgres",
            `select rolname, rolcanlogin from pg_database join pg_roles r on r.oid = datdba where datname = '${aside(ids[0])}'`,
        );
        expect(row).toEqual({ rolname: "shop", rolcanlogin: false });
    });

    test("its login role gets in once it is live, acts as the owner and gets into no other database", async () => {
        const login = { user: aside(ids[0]), password: loginPassword };
        await expect(replica.server.query(aside(ids[0]), "select", login)).rejects.toThrow("not permitted to log in");
        await replica.run("prepare-media", replica.plan(ids[0], ids[0]));
        expect(await replica.run("switch", replica.plan(ids[0], ids[0]))).toMatchObject({ status: 0 });

        const [row] = await replica.server.query(
            "shop",
            "create table made (a int); select tableowner from pg_tables where tablename = 'made'",
            login,
        );
        expect(row).toEqual({ tableowner: "shop" });
        for (const other of ["postgres", "template1", aside(ids[1])]) {
            await expect(replica.server.query(other, "select", login)).rejects.toThrow(
                "permission denied for database",
            );
        }
    });
});

test("default privileges of the owner hold for what is made later", async () => {
    const [row] = await replica.server.query(
        aside(ids[1]),
        `set role shop; create table audit.later (a int); select has_table_privilege('reader', 'audit.later', 'select') as may`,
    );
    expect(row).toEqual({ may: true });
});

test("a run that was left unfinished is begun anew, and leftovers of others go away", async () => {
    const { server } = replica;
    for (const id of [ids[4], "00000000ff"]) {
        await server.query(
            "postgres",
            `insert into understudy.generation (id, name, stack, owner, state)
             select '${id}', 'shop', stack, 'shop', 'preparing' from understudy.replica`,
        );
        await server.query("postgres", `create database "${aside(id)}"`);
        await server.query("postgres", `create role "understudy_restore_${id}"; create role "understudy_load_${id}"`);
    }
    replica.store(stampBefore(60), frame("CREATE TABLE public.t (a integer);"));
    expect(await replica.run("prepare-database", replica.plan(ids[4], ids[0]))).toMatchObject({ status: 0 });
    const [row] = await server.query(
        "postgres",
        `select (select count(*)::int from pg_roles where rolname like 'understudy%') as roles,
                (select count(*)::int from pg_database where datname = '${aside("00000000ff")}') as databases,
                (select count(*)::int from understudy.generation where state = 'preparing') as unfinished`,
    );
    expect(row).toEqual({ roles: 0, databases: 0, unfinished: 0 });
});

test("a volume of which nobody tells the size is restored on, and the report says that its room is not known", async () => {
    const id = "00000000ff";
    replica.store(stampBefore(30), frame("CREATE TABLE public.t (a integer);"));
    const plan = replica.plan(id, ids[0], ({ database }) => {
        database.capacity = undefined;
    });
    const unknown = "whether the server has room for another copy: the size of its volume is not known";
    const { status, sentence } = await replica.run("prepare-database", plan);
    expect(status, sentence).toBe(0);
    expect(sentence).toContain(`Not known: ${unknown}.`);
    const [row] = await replica.server.query(
        "postgres",
        `select report -> 'unknown' as unknown from understudy.generation where id = '${id}'`,
    );
    expect(row).toEqual({ unknown: [unknown] });
});

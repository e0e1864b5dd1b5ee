import { existsSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sweep } from "../sweep";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const canary = "/tmp/understudy-canary";

beforeAll(async () => {
    replica = await startReplica();
    rmSync(canary, { force: true });
    // The live copy that everything below is after.
    replica.store(stampBefore(4000), frame("CREATE TABLE public.t (a integer);\nALTER TABLE public.t OWNER TO shop;"));
    await replica.run("prepare-database", replica.plan(ids[0], ids[0]));
    await replica.run("prepare-media", replica.plan(ids[0], ids[0]));
    expect(await replica.run("switch", replica.plan(ids[0], ids[0]))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

/** Loads SQL from a dump as another generation. */
function loading(sql: string, id: string = ids[1]) {
    const stamp = stampBefore(100);
    replica.store(stamp, frame(sql));
    return replica.run(
        "prepare-database",
        replica.plan(id, ids[0], ({ database }) => {
            database.backup = stamp;
        }),
    );
}

sweep([
    ["a program run by COPY", `COPY public.t FROM PROGRAM 'touch ${canary}';`, "pg_execute_server_program"],
    ["a file read by COPY", "CREATE TABLE x (a text); COPY x FROM '/etc/passwd';", "pg_read_server_files"],
    ["ALTER SYSTEM", "ALTER SYSTEM SET archive_command = 'true';", "permission denied to set parameter"],
    ["a new role", "CREATE ROLE evil SUPERUSER LOGIN;", "must be superuser to create superusers"],
    ["another role's powers", "GRANT pg_read_server_files TO CURRENT_USER;", "must have admin option"],
    ["an event trigger", "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();", "event trigger"],
    ["an untrusted extension", "CREATE EXTENSION file_fdw;", "permission denied to create extension"],
    ["an untrusted language", "CREATE EXTENSION plpython3u;", "plpython3u"],
    ["a superuser's objects", "ALTER TABLE t OWNER TO understudy_super;", "with other rights"],
    ["the superuser's role", "SET ROLE postgres;", "permission denied to set role"],
    ["psql's shell", `\\! touch ${canary}`, "psql command \\!"],
    ["psql's shell inside a statement", `SELECT 1 \\! touch ${canary}\n;`, "psql command \\!"],
    ["psql's copy", `\\copy t to program 'touch ${canary}'`, "psql command \\copy"],
    ["a file of psql", "\\i /etc/passwd", "psql command \\i"],
    ["an end of the restriction", "\\connect shop\n\\connect postgres", "more than one database"],
    [
        "a command that only psql sees",
        `SET standard_conforming_strings = off;\nSELECT '\\'';\n\\! touch ${canary}\n--';`,
        "by a command in the dump",
    ],
])("%s is of no use to a dump", async (_, sql, reason) => {
    await replica.server.query(
        "postgres",
        "do $$ begin create role understudy_super superuser; exception when others then end $$",
    );
    const before = await replica.server.content();
    const ending = await loading(sql);
    expect(ending.sentence).toContain(reason);
    expect(ending.status).toBe(1);
    expect(existsSync(canary)).toBe(false);
    expect(await replica.server.content()).toBe(before);
});

test("statements about databases in a dump change none", async () => {
    const ending = await loading(
        "DROP DATABASE IF EXISTS shop;\nCREATE DATABASE shop;\nALTER DATABASE shop SET search_path TO evil;\n\\connect shop\n" +
            "GRANT ALL ON DATABASE shop TO PUBLIC;\nCREATE TABLE u (a integer);",
    );
    expect(ending, ending.log).toMatchObject({ status: 0 });
    expect(await replica.server.query("shop", "select relname from pg_class where relname in ('t', 'u')")).toEqual([
        { relname: "t" },
    ]);
    expect(
        await replica.server.query("postgres", "select from pg_db_role_setting where setdatabase <> 0 and setrole = 0"),
    ).toEqual([]);
});

test("what runs during a load can reach neither the live copy, nor what comes after it", async () => {
    const attacks = [
        "alter database shop set search_path to evil",
        "alter database shop owner to current_user",
        "grant connect on database shop to public",
        "alter role shop login password 'x'",
        "set role shop",
        "create role evil",
        "reassign owned by shop to current_user",
        `copy public.log to program 'touch ${canary}'`,
        "select pg_read_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres' and usename is not null",
        "alter function pg_catalog.now() owner to current_user",
        "update pg_catalog.pg_authid set rolsuper = true",
        "update pg_catalog.pg_database set datname = 'x' where datname = 'shop'",
        "select * from pg_catalog.pg_authid",
    ];
    const blocks = attacks.map(
        (attack) => `do $x$ begin execute $a$${attack}$a$; insert into public.log values ($a$${attack}$a$);
            exception when others then null; end $x$;`,
    );
    const ending = await loading(
        `CREATE TABLE public.log (a text);\n${blocks.join("\n")}\n` +
            // What superusers call by a short name would be this.
            "CREATE FUNCTION public.evil() RETURNS bigint LANGUAGE plpgsql AS $$ begin " +
            "perform 1 from pg_roles where rolname = current_user and rolsuper; " +
            `if found then copy (select 1) to program 'touch ${canary}'; end if; return 0; end $$;\n` +
            "CREATE AGGREGATE public.count(*) (sfunc = int8inc, stype = int8, initcond = '99');\n" +
            `DO $$ begin execute format('alter database %I set search_path to public, pg_catalog', current_database()); end $$;\n` +
            "CREATE TABLE public.i (a integer);\nINSERT INTO public.i VALUES (1);\n" +
            "CREATE FUNCTION public.f(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'select public.evil(); select 1';\n" +
            "CREATE INDEX ON public.i (public.f(a));\nCREATE TABLE public.rows (a integer);\n" +
            "COPY public.rows (a) FROM stdin;\n1\n2\n\\.\n",
        ids[3],
    );
    expect(ending, ending.log).toMatchObject({ status: 0 });
    expect(await replica.server.query(aside(ids[3]), "select * from public.log")).toEqual([]);
    expect(existsSync(canary)).toBe(false);
    const [row] = await replica.server.query(
        "postgres",
        "select count(*)::int as settings from pg_db_role_setting where setdatabase <> 0 and setrole = 0",
    );
    expect(row).toEqual({ settings: 0 });
});

test("a view in a table's place is not asked for its rows as superuser", async () => {
    const before = await replica.server.content();
    const ending = await replica.run(
        "prepare-database",
        replica.plan(ids[2], ids[0], ({ database }) => {
            database.backup = stampBefore(50);
            replica.store(
                database.backup,
                frame(
                    "CREATE TABLE r (a integer);\nCREATE VIEW v AS SELECT a FROM r;\n" +
                        "CREATE FUNCTION ins() RETURNS trigger LANGUAGE plpgsql AS $$ begin return new; end $$;\n" +
                        "CREATE TRIGGER i INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION ins();\n" +
                        "COPY public.v (a) FROM stdin;\n1\n\\.\n",
                ),
            );
        }),
    );
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringContaining("not a table") });
    expect(await replica.server.content()).toBe(before);
});

test("a former generation's own roles are no way in for a dump", async () => {
    const before = await replica.server.content();
    const ending = await replica.run(
        "prepare-database",
        replica.plan(ids[2], ids[0], ({ database }) => {
            database.databases[0].owner = "clerk";
            database.backup = stampBefore(40);
            replica.store(database.backup, frame("CREATE TABLE x (a integer);\nALTER TABLE x OWNER TO shop;"));
        }),
    );
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringContaining("owns database shop") });
    expect(await replica.server.content()).toBe(before);
});

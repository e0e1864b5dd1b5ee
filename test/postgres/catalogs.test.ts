import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const id = ids[0];

beforeAll(async () => {
    replica = await startReplica();
});
afterEach(async () => {
    await replica.server.query("postgres", `drop database if exists ${aside(id)}`);
    await replica.server.query("postgres", `drop role if exists ${aside(id)}`);
    await replica.server.query("postgres", "delete from understudy.generation");
});
afterAll(() => replica?.stop());

function restoring(sql: string, change: (database: Plan["database"]) => void = () => undefined) {
    replica.store(stampBefore(60), frame(sql));
    return replica.run(
        "prepare-database",
        replica.plan(id, id, ({ database }) => change(database)),
    );
}

async function report(): Promise<DatabaseReport> {
    const [row] = await replica.server.query("postgres", "select report from understudy.generation");
    return row?.report as DatabaseReport;
}

/** Runs a statement in a way that no reader of the dump sees. */
function hidden(sql: string): string {
    return `
CREATE FUNCTION public.hidden() RETURNS void LANGUAGE plpgsql AS $f$ begin execute '${sql}'; end $f$;
SELECT public.hidden();`;
}

describe("constraints", () => {
    const table = "CREATE TABLE public.item (price integer);";
    const constraint = `ALTER TABLE public.item
    ADD CONSTRAINT "of worth; --" CHECK ((price > 0)) NOT VALID;`;

    test("that the dump adds without a look at the rows are told of", async () => {
        const domain = `CREATE DOMAIN public.price AS integer;
ALTER DOMAIN public.price
    ADD CONSTRAINT positive CHECK ((VALUE > 0)) NOT VALID;`;
        const { status, sentence, log } = await restoring(`${table}\n${constraint}\n${domain}`);
        expect(status, log).toBe(0);
        const { unknown } = await report();
        expect(unknown).toEqual([
            "whether the rows of public.item obey the constraint of worth; --: it is NOT VALID, as in production",
            "whether the rows of public.price obey the constraint positive: it is NOT VALID, as in production",
        ]);
        expect(sentence).toContain("it is NOT VALID, as in production");
    });

    test("that nobody has held the rows against, though the dump does, make the proof fail", async () => {
        const added = hidden("alter table public.item add constraint positive check (price > 0) not valid");
        expect(await restoring(table + added)).toMatchObject({
            status: 1,
            sentence: "Failed: The constraint positive of public.item is not validated: the copy is not used.",
        });
    });
});

describe("indexes", () => {
    test("of a partitioned table that a partition has not are told of", async () => {
        const { status, log } = await restoring(`
CREATE TABLE public.event (n integer) PARTITION BY RANGE (n);
CREATE TABLE public.event_0 (n integer);
ALTER TABLE ONLY public.event ATTACH PARTITION public.event_0 FOR VALUES FROM (0) TO (10);
CREATE INDEX event_n ON ONLY public.event USING btree (n);`);
        expect(status, log).toBe(0);
        expect((await report()).unknown).toEqual([
            "whether public.event_n is an index of all partitions in production: here it is not",
        ]);
    });

    const liar = `
CREATE TABLE public.item (n integer);
CREATE FUNCTION public.lies(integer) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS 'begin return random(); end';
COPY public.item (n) FROM stdin;
1
2
3
\\.
CREATE INDEX item_lies ON public.item USING btree (public.lies(n));`;

    test("in which rows cannot be found are found by amcheck, and only where it is asked", async () => {
        const { status, log } = await restoring(liar);
        expect(status, log).toBe(0);
        expect((await report()).proof.join()).not.toContain("amcheck");
        await replica.server.query("postgres", "delete from understudy.generation");
        await replica.server.query("postgres", `drop database ${aside(id)}`);
        await replica.server.query("postgres", `drop role ${aside(id)}`);
        const checked = await restoring(liar, (database) => {
            database.amcheck = true;
        });
        expect(checked).toMatchObject({
            status: 1,
            sentence: expect.stringMatching(
                /^Failed: The index public\.item_lies is damaged \(.*\): the copy is not used\.$/,
            ),
        });
    });

    test("are all checked by amcheck, of which nothing remains", async () => {
        const sound = liar.replace("random()", "3.0");
        const { status, log } = await restoring(sound, (database) => {
            database.amcheck = true;
        });
        expect(status, log).toBe(0);
        const { proof, phases } = await report();
        expect(proof).toContainEqual(
            expect.stringMatching(/^amcheck has found nothing wrong with \d{3} B-tree indexes$/),
        );
        expect(phases.map(({ name }) => name)).toEqual(["load", "prove", "amcheck", "analyze"]);
        const left =
            "select from pg_extension where extname = 'amcheck' union all select from pg_namespace where nspname ~ 'amcheck'";
        expect(await replica.server.query(aside(id), left)).toEqual([]);
    });

    test("cannot be checked by a server without amcheck: it is refused, and nothing has changed", async () => {
        const { server } = replica;
        const view = `create or replace view pg_catalog.pg_available_extensions as
            select e.name, e.default_version, x.extversion as installed_version, e.comment
              from pg_available_extensions() e left join pg_extension x on e.name = x.extname`;
        const system = "set allow_system_table_mods = on;";
        await server.query("postgres", `${system} ${view} where e.name <> 'amcheck'`);
        const before = await server.content();
        const ending = await restoring(liar, (database) => {
            database.amcheck = true;
        });
        expect(ending).toMatchObject({
            status: 3,
            sentence: expect.stringContaining("the server has no extension amcheck"),
        });
        expect(await server.content()).toBe(before);
        await server.query("postgres", `${system} ${view}`);
    });
});

import type { TestServer } from "../../test/postgres/server";

/** Share of its rows that is made; less than 1 only to try the bench itself. */
const share = 1;

/**
 * Makes the database that is measured: about 1.5 GB, of which one table with a text search index is the half, the
 * tables of pgbench at scale 25 the quarter, and forty small ones the rest. Every value follows from its row's number,
 * so that two runs make the same.
 */
export async function makeProduction({ query }: TestServer): Promise<void> {
    await query("postgres", "create role shop login");
    await query("postgres", "create database shop owner shop");
    for (const statement of statements()) {
        await query("shop", `set role shop; set maintenance_work_mem = '256MB'; ${statement}`);
    }
    await query("shop", "analyze");
}

function* statements(): Generator<string> {
    yield `create table vendor (id integer primary key, name text not null)`;
    yield `insert into vendor select n, 'vendor ' || md5(n::text) from generate_series(1, 5000) n`;
    yield `create table event (id bigint primary key, vendor integer not null references vendor, at timestamptz not null,
               kind text not null, payload jsonb not null, note text not null)`;
    yield `insert into event select n, 1 + n * 7919 % 5000, timestamptz '2024-01-01 00:00:00+00' + n * interval '17 s',
               (array['view', 'order', 'refund', 'visit', 'message'])[1 + n % 5],
               jsonb_build_object('a', n % 1000, 'tag', md5((n % 977)::text), 'list', jsonb_build_array(n % 7, n % 11)),
               (select string_agg(substr(md5((n * 31 + word * 7)::text), 1, 3 + (n + word)::integer % 6), ' ')
                  from generate_series(1, 14) word)
             from generate_series(1::bigint, ${2_000_000 * share}) n`;
    yield "create index on event (vendor)";
    yield "create index on event (at)";
    yield "create index on event (kind, at)";
    yield "create index on event using gin (payload jsonb_path_ops)";
    yield `create table pgbench_accounts (aid integer primary key, bid integer, abalance integer, filler char(84))`;
    yield `insert into pgbench_accounts select n, 1 + (n - 1) / 100000, 0, '' from generate_series(1, ${2_500_000 * share}) n`;
    yield `create table pgbench_branches (bid integer primary key, bbalance integer, filler char(88))`;
    yield `insert into pgbench_branches select n, 0, '' from generate_series(1, 25) n`;
    yield `create table pgbench_history (tid integer, bid integer, aid integer, delta integer, mtime timestamp, filler char(22))`;
    yield `insert into pgbench_history select n % 250, n % 25, n::bigint * 7919 % 2500000, n % 5000,
               timestamp '2024-01-01' + n * interval '3 s', 'filler' from generate_series(1, ${520_000 * share}) n`;
    for (let table = 1; table <= 40; table++) {
        yield `create table small_${table} (id serial primary key, text text unique)`;
        yield `insert into small_${table} (text) select md5(n::text) from generate_series(1, ${table * 50}) n`;
    }
}

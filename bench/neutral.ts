/**
 * `npm run bench -- neutral`: what it takes to make a copy one that cannot act as production, on the database of the
 * database bench. The page cache is warm where a copy has just been restored. Wants root, which alone may empty it, and a
 * quiet machine.
 */
import { Client } from "pg";
import { rewritableIn, tablesOf } from "../agent/neutral/identity/check";
import { find, type Rewritable, type Rewriting, rewritingIn } from "../agent/neutral/identity/look";
import { countRewrites, rewriteFound } from "../agent/neutral/identity/rewrite";
import { columnsOf, tableName, tableOf } from "../agent/neutral/mask/columns";
import { serverSettings } from "../contract";
import { startServer } from "../test/postgres/server";
import { makeProduction } from "./database/production";
import { median, rounds, seconds } from "./measure";
import { tellOfRefresh } from "./neutral/refresh";

/** Rows of a table of what PHP has serialised, of about 2 KB each. */
const composed = 100_000;

const rules = [
    { from: "https://shop.example.org", to: "https://shop.staging.example.org" },
    { from: "shop.example.org", to: "shop.staging.example.org" },
    { from: "cdn.example.org", to: "cdn.staging.example.org" },
];

export async function neutral(): Promise<void> {
    const server = await startServer({ ...serverSettings, shared_buffers: "256MB" });
    const { port, password } = server;
    const client = new Client({ host: "127.0.0.1", port, user: "postgres", password, database: "shop" });
    try {
        await makeProduction(server);
        await client.connect();
        const rewriting = await rewritingIn(client, rules);
        const columns = await rewritable(client);
        const nothing = await repeated(() => countRewrites(client, columns, rewriting));
        console.log(
            `N2 rewriting all text columns: ${((await megabytes(client, columns)) / nothing).toFixed(0)} MB/s (100)`,
        );
        await tellOfComposed(client, rewriting);
        await client.query("drop table option");
        await client.end();
        await tellOfRefresh(server, rules);
    } finally {
        await client.end().catch(() => undefined);
        await server.stop();
    }
}

/** Values that the agent takes apart. */
async function tellOfComposed(client: Client, rewriting: Rewriting): Promise<void> {
    await client.query(
        `create table option as select n as id, 'a:2:{i:0;s:1984:"' || repeat(md5(n::text), 62) ||
                '";i:1;s:31:"https://shop.example.org/assets";}' as value from generate_series(1, ${composed}) n`,
    );
    const columns = (await rewritable(client)).filter((column) => tableName(column) === "option");
    const before = process.memoryUsage().rss;
    let most = before;
    const timer = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
    }, 50);
    // Their text: on the disk it is compressed.
    const { rows } = await client.query<{ bytes: string }>("select sum(octet_length(value)) as bytes from option");
    const size = Number(rows[0]?.bytes) / 1e6;
    const took = await seconds(async () => {
        await client.query("begin");
        await rewriteFound(client, await find(client, columns, rewriting), rewriting);
        await client.query("commit");
    });
    clearInterval(timer);
    console.log(
        `N2 rewriting serialised values, all of them: ${(size / took).toFixed(0)} MB/s; ` +
            `${((most - before) / 2 ** 20).toFixed(0)} MiB of memory for ${size.toFixed(0)} MB`,
    );
}

async function rewritable(client: Client): Promise<Rewritable[]> {
    const everything = { columns: "all" as const, except: [], empty: [], set: [], preserve: [] };
    return rewritableIn(tablesOf(await columnsOf(client)), everything);
}

/** Size of the tables that columns are in, without their indexes. */
async function megabytes(client: Client, columns: Rewritable[]): Promise<number> {
    const tables = [...new Set(columns.map((column) => tableOf(column).replace(/^only /, "")))];
    const { rows } = await client.query<{ bytes: string }>(
        "select sum(pg_table_size(name::regclass)) as bytes from unnest($1::text[]) as name",
        [tables],
    );
    return Number(rows[0]?.bytes) / 1e6;
}

async function repeated(work: () => Promise<unknown>): Promise<number> {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
        times.push(await seconds(work));
    }
    return median(times);
}

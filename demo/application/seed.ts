/** Fills an empty production: roles, the two databases, and the icons on the media volume. What is there stays. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Client, escapeLiteral } from "pg";
import { copyIcons, iconsOf } from "./seed/icons";
import { readIndex } from "./seed/index";
import { loadCatalogue } from "./seed/load";

const index = process.env.PACKAGE_INDEX ?? "/usr/share/debian-packages.gz";
const theme = process.env.ICON_THEME ?? "/usr/share/icons/elementary-xfce";

async function main(): Promise<void> {
    const began = Date.now();
    await connected("postgres", makeRolesAndDatabases);
    await Promise.all([
        connected("catalogue", fillCatalogue),
        connected("audit", (client) => fill(client, "events", "audit.sql", async () => undefined)),
        copyIcons(theme, required("MEDIA_ROOT")),
    ]);
    console.log(`Production's data is in place after ${((Date.now() - began) / 1000).toFixed(1)} s.`);
}

async function makeRolesAndDatabases(client: Client): Promise<void> {
    const password = escapeLiteral(required("CATALOGUE_APP_PASSWORD"));
    const roles = { catalogue_owner: "nologin", catalogue_report: "nologin", catalogue_app: "login" };
    for (const [role, attributes] of Object.entries(roles)) {
        const { rowCount } = await client.query("select from pg_roles where rolname = $1", [role]);
        if (!rowCount) await client.query(`create role ${role} ${attributes}`);
    }
    await client.query(`alter role catalogue_app password ${password}`);
    for (const database of ["catalogue", "audit"]) {
        const { rowCount } = await client.query("select from pg_database where datname = $1", [database]);
        if (!rowCount) await client.query(`create database ${database} owner catalogue_owner`);
    }
}

async function fillCatalogue(client: Client): Promise<void> {
    await client.query("create extension if not exists pg_trgm");
    await client.query("comment on extension pg_trgm is 'finds packages by parts of their names'");
    await fill(client, "packages", "catalogue.sql", async () => {
        const [entries, icons] = await Promise.all([readIndex(index), iconsOf(theme)]);
        await loadCatalogue(client, entries, icons, theme);
        console.log(`${entries.length} packages.`);
    });
    await client.query("vacuum analyze");
}

/** Makes a database's tables and loads them, all or nothing, unless the table that tells is there already. */
async function fill(client: Client, table: string, schema: string, load: () => Promise<void>): Promise<void> {
    const { rows } = await client.query<{ there: boolean }>("select to_regclass($1) is not null as there", [table]);
    if (rows[0]?.there) return;
    await client.query("begin");
    await client.query("set local role catalogue_owner");
    await client.query(await readFile(path.join(__dirname, "schema", schema), "utf8"));
    await load();
    await client.query("commit");
}

async function connected(database: string, work: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ database });
    await client.connect();
    try {
        await work(client);
    } finally {
        await client.end();
    }
}

function required(name: string): string {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set: the seed needs it.`);
    return value;
}

main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
});

import type { Client } from "pg";
import { Refusal } from "../refusal";
import type { Watch } from "../report";
import { withoutValues } from "./psql";

/** Indexes that are checked in one transaction, which locks each of them and its table until its end. */
const together = 500;

/** Schema of the extension, which nobody but the check ever sees. */
const schema = "understudy_amcheck";

/**
 * Refuses a server that cannot check indexes.
 *
 * @throws {Refusal} that says what to do
 */
export async function refuseWithoutAmcheck(admin: Client): Promise<void> {
    const { rowCount } = await admin.query("select from pg_available_extensions where name = 'amcheck'");
    if (rowCount === 0) {
        throw new Refusal(
            "database.amcheck is true, but the server has no extension amcheck: take an image with PostgreSQL's " +
                "contrib modules, or leave out database.amcheck.",
        );
    }
}

/**
 * Checks every B-tree index of a database: its order, and that every row of its table is in it. The extension that does
 * it is rolled back with its transaction, so that even a run that is killed leaves nothing of it.
 *
 * @returns what that proves
 * @throws {Error} that names the first index that is broken
 */
export async function checkIndexes(client: Client, watch: Watch): Promise<string> {
    const { rows: indexes } = await client.query<{ oid: number; name: string; bytes: string }>(
        `select c.oid, format('%I.%I', nspname, relname) as name, pg_relation_size(c.oid) as bytes
           from pg_class c join pg_namespace n on n.oid = relnamespace join pg_am a on a.oid = relam
          where relkind = 'i' and amname = 'btree' and relpersistence <> 't' order by c.oid`,
    );
    const progress = { of: indexes.reduce((sum, { bytes }) => sum + Number(bytes), 0), through: 0 };
    watch(() => ({ done: progress.through, unit: "byte", part: progress }));
    for (let from = 0; from < indexes.length; from += together) {
        // Production may have it as well, in another schema or version.
        await client.query(
            `begin; drop extension if exists amcheck cascade; create schema ${schema}; create extension amcheck schema ${schema}`,
        );
        try {
            for (const { oid, name, bytes } of indexes.slice(from, from + together)) {
                await client.query(`select ${schema}.bt_index_check($1, true)`, [oid]).catch((error: Error) => {
                    throw new Error(
                        `The index ${name} is damaged (${withoutValues(error.message)}): the copy is not used.`,
                    );
                });
                progress.through += Number(bytes);
            }
        } finally {
            await client.query("rollback");
        }
    }
    return `amcheck has found nothing wrong with ${indexes.length.toLocaleString("en-US")} B-tree indexes`;
}

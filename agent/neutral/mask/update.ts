import { type Client, escapeIdentifier as name } from "pg";
import { grouped } from "../../grouped";
import { undisturbed } from "../undisturbed";
import type { Masked } from "./classify";
import { tableOf } from "./columns";
import { expressionFor, keySetting } from "./expression";
import { rebuilt } from "./rebuild";

/**
 * Masks columns in one transaction, set by set.
 *
 * @param client the tables' owner's
 * @returns rows that were changed
 */
export async function updateColumns(client: Client, key: string, masked: Masked[]): Promise<number> {
    const tables = grouped(masked, tableOf);
    return undisturbed(client, masked, async () => {
        await client.query("select set_config($1, $2, true)", [keySetting, key]);
        let rows = 0;
        for (const [table, columns] of tables) {
            const plain = columns.filter(({ rule }) => rule !== "shuffle");
            if (plain.length > 0) {
                rows += (await rebuilt(client, plain))
                    ? await countOf(client, table)
                    : await updated(client, table, plain);
            }
            for (const column of columns.filter(({ rule }) => rule === "shuffle")) {
                rows += (await client.query(shuffling(table, name(column.name)))).rowCount ?? 0;
            }
        }
        return rows;
    });
}

async function updated(client: Client, table: string, columns: Masked[]): Promise<number> {
    const set = columns.map((column) => `${name(column.name)} = ${expressionFor(column)}`).join(", ");
    return (await client.query(`update ${table} set ${set}`)).rowCount ?? 0;
}

async function countOf(client: Client, table: string): Promise<number> {
    const { rows } = await client.query<{ count: string }>(`select count(*) as count from ${table}`);
    return Number(rows[0]?.count);
}

/** Gives the values of a column to other rows that have one. */
function shuffling(table: string, column: string): string {
    const numbered = (order: string) =>
        `select tableoid, ctid, ${column} as value, row_number() over (order by ${order}) as number
           from ${table} where ${column} is not null`;
    return `with taker as (${numbered("tableoid, ctid")}), giver as (${numbered("random()")})
            update ${table} as t set ${column} = giver.value
              from taker join giver using (number) where t.tableoid = taker.tableoid and t.ctid = taker.ctid`;
}

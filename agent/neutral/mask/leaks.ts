import { type Client, escapeLiteral as text } from "pg";
import { grouped } from "../../grouped";
import { plural } from "../../report";
import type { Masked } from "./classify";
import { asText, type Column, columnsOf, tableName, tableOf } from "./columns";

/** What masked columns held before, as hashes that only their session can see. */
export class Memory {
    private constructor(
        private readonly client: Client,
        /** Columns of a table, and the table that remembers what the first of them held as `c0`, and so on. */
        private readonly tables: { columns: Masked[]; memory: string }[],
    ) {}

    /**
     * Remembers what columns hold. A shuffled one goes on holding it.
     *
     * @param client superuser's: row security hides nothing from it, and no function of the database is called
     */
    static async of(client: Client, masked: Masked[]): Promise<Memory> {
        const changing = masked.filter(({ rule }) => rule !== "shuffle");
        const tables = [...grouped(changing, tableOf).values()].map((columns, number) => ({
            columns,
            memory: `pg_temp.before_${number}`,
        }));
        for (const { columns, memory } of tables) {
            const [first] = columns;
            const hashes = columns.map((one, at) => `case when ${tells(one)} then ${hashOf(one)} end as c${at}`);
            await client.query(
                `create temporary table ${memory} as select ${hashes.join(", ")} from ${first && tableOf(first)}`,
            );
            // Without it the planner would take them for a handful, and sort out millions that are the same.
            await client.query(`analyze ${memory}`);
        }
        return new Memory(client, tables);
    }

    /**
     * Makes sure that none of it is there any more.
     *
     * @throws {Error} that names each column in which something is
     */
    async refuseSurvivors(): Promise<void> {
        const found: string[] = [];
        for (const { columns, memory } of this.tables) {
            for (const [at, column] of columns.entries()) {
                const { rows } = await this.client.query<{ count: number }>(
                    `select count(*)::integer as count from ${tableOf(column)}
                      where ${tells(column)} and ${hashOf(column)} in (select c${at} from ${memory})`,
                );
                const count = rows[0]?.count ?? 0;
                if (count > 0) {
                    found.push(`${tableName(column)}.${column.name} (${plural(count, "row")})`);
                }
            }
        }
        if (found.length > 0) {
            throw new Error(
                `After masking, values that production has are still in ${found.join(", ")}: the copy is not used.`,
            );
        }
    }
}

/**
 * Makes sure that texts are nowhere in a database.
 *
 * @throws {Error} that names the columns that hold one
 */
export async function refuseForbidden(client: Client, forbidden: string[]): Promise<void> {
    const found: string[] = [];
    for (const column of (await columnsOf(client)).filter(({ isWritten }) => isWritten)) {
        const { rows } = await client.query<{ word: string }>(
            `select forbidden.word from unnest($1::text[]) as forbidden (word)
              where exists (select from ${tableOf(column)}
                             where position(lower(forbidden.word) in lower(${asText(column)})) > 0)`,
            [forbidden],
        );
        found.push(...rows.map(({ word }) => `${JSON.stringify(word)} in ${tableName(column)}.${column.name}`));
    }
    if (found.length > 0) {
        throw new Error(`The copy holds what masking.forbidden names: ${found.join(", ")}. It is not used.`);
    }
}

function hashOf(column: Column): string {
    return `hashtextextended(${asText(column)}, 0)`;
}

/** Whether it says anything of anybody: what is empty does not, nor what every row is to hold. */
function tells(column: Masked): string {
    const { rule } = column;
    const same = typeof rule === "object" && "fixed" in rule ? rule.fixed : rule === "unusable" ? "!" : "";
    return `${asText(column)} not in ('', ${text(same)})`;
}

import { type Client, escapeLiteral as text } from "pg";
import { plural } from "../../report";
import type { Masked } from "./classify";
import { asText, type Column, columnsOf, tableName, tableOf } from "./columns";

/** What masked columns held before, as hashes that only their session can see. */
export class Memory {
    private constructor(
        private readonly client: Client,
        private readonly columns: { column: Masked; table: string }[],
    ) {}

    /**
     * Remembers what columns hold. A shuffled one goes on holding it.
     *
     * @param client superuser's: row security hides nothing from it, and no function of the database is called
     */
    static async of(client: Client, masked: Masked[]): Promise<Memory> {
        const columns = masked
            .filter(({ rule }) => rule !== "shuffle")
            .map((column, number) => ({ column, table: `pg_temp.before_${number}` }));
        for (const { column, table } of columns) {
            await client.query(
                `create temporary table ${table} as select distinct ${hashOf(column)} as hash
                   from ${tableOf(column)} where ${tells(column)}`,
            );
        }
        return new Memory(client, columns);
    }

    /**
     * Makes sure that none of it is there any more.
     *
     * @throws {Error} that names each column in which something is
     */
    async refuseSurvivors(): Promise<void> {
        const found: string[] = [];
        for (const { column, table } of this.columns) {
            const { rows } = await this.client.query<{ count: number }>(
                `select count(*)::integer as count from ${tableOf(column)}
                  where ${tells(column)} and ${hashOf(column)} in (select hash from ${table})`,
            );
            const count = rows[0]?.count ?? 0;
            if (count > 0) {
                found.push(`${tableName(column)}.${column.name} (${plural(count, "row")})`);
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

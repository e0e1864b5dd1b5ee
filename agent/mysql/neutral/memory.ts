import type { Connection } from "mysql2/promise";
import { grouped } from "../../grouped";
import type { Masked } from "../../neutral/mask/classify";
import { type Column, tableName } from "../../neutral/mask/columns";
import { plural } from "../../report";
import { literal, quoted, rowsOf } from "../rows";
import { asText, columnsOf, tableOf } from "./columns";

/** What masked columns held before, as hashes that only their session can see. */
export class Memory {
    private constructor(
        private readonly connection: Connection,
        /** Columns of a table, and the table that remembers what the first of them held as `c0`, and so on. */
        private readonly tables: { columns: Masked[]; memory: string }[],
    ) {}

    /** Remembers what columns hold. A shuffled one goes on holding it. */
    static async of(connection: Connection, masked: Masked[]): Promise<Memory> {
        const changing = masked.filter(({ rule }) => rule !== "shuffle");
        const tables = [...grouped(changing, tableName).values()].map((columns, number) => ({
            columns,
            memory: quoted(`understudy_before_${number}`),
        }));
        for (const { columns, memory } of tables) {
            const hashes = columns.map((one, at) => `case when ${tells(one)} then ${hashOf(one)} end as c${at}`);
            await connection.query(
                `create temporary table ${memory} as select ${hashes.join(", ")} from ${tableOf(columns[0] as Masked)}`,
            );
        }
        return new Memory(connection, tables);
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
                const [row] = await rowsOf<{ count: number }>(
                    this.connection,
                    `select count(*) as count from ${tableOf(column)}
                      where ${tells(column)} and ${hashOf(column)} in (select c${at} from ${memory})`,
                );
                const count = Number(row?.count ?? 0);
                if (count > 0) {
                    found.push(`${tableName(column)}.${column.name} (${plural(count, "row")})`);
                }
            }
            await this.connection.query(`drop temporary table ${memory}`);
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
export async function refuseForbidden(connection: Connection, database: string, forbidden: string[]): Promise<void> {
    const found: string[] = [];
    const columns = forbidden.length === 0 ? [] : await columnsOf(connection, database);
    for (const column of columns.filter(({ isWritten }) => isWritten)) {
        const text = `lower(${asText(column)}) collate utf8mb4_bin`;
        const asked = forbidden.map((word, at) => `max(locate(lower(${literal(word)}), ${text}) > 0) as w${at}`);
        const [row = {}] = await rowsOf<Record<string, number | null>>(
            connection,
            `select ${asked.join(", ")} from ${tableOf(column)}`,
        );
        const words = forbidden.filter((_, at) => Number(row[`w${at}`] ?? 0) > 0);
        found.push(...words.map((word) => `${JSON.stringify(word)} in ${tableName(column)}.${column.name}`));
    }
    if (found.length > 0) {
        throw new Error(`The copy holds what masking.forbidden names: ${found.join(", ")}. It is not used.`);
    }
}

function hashOf(column: Column): string {
    return `cast(conv(left(md5(${asText(column)}), 16), 16, 10) as unsigned)`;
}

/** Whether it says anything of anybody: what is empty does not, nor what every row is to hold. */
function tells(column: Masked): string {
    const { rule } = column;
    const same = typeof rule === "object" && "fixed" in rule ? rule.fixed : rule === "unusable" ? "!" : "";
    return `${asText(column)} not in ('', ${literal(same)})`;
}

import { type Client, escapeIdentifier as name } from "pg";
import type { SetRows, SetValue } from "../../../contract/identity";
import { readSecret } from "../../postgres/server";
import { tableOf } from "../mask/columns";
import type { Tables } from "./check";

/**
 * Gives columns of rows the values that the stack wants, as parameters.
 *
 * @param client the table's owner's
 * @returns how many rows
 * @throws {Error} that holds no value of a Secret
 */
export async function setRows(client: Client, tables: Tables, { table, columns, where }: SetRows): Promise<number> {
    const [first] = tables.get(table) ?? [];
    if (first === undefined) {
        return 0;
    }
    const entries = Object.entries(columns);
    const values = await Promise.all(entries.map(([, value]) => textOf(value)));
    const set = entries.map(([column], at) => `${name(column)} = $${at + 1}`).join(", ");
    // The newline ends a comment.
    const those = where === undefined ? "" : `where (${where}\n)`;
    try {
        return (await client.query(`update ${tableOf(first)} set ${set} ${those}`, values)).rowCount ?? 0;
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`identity.set of table ${table} fails: ${withoutSecrets(reason)}.`);
    }

    /** The server's words can hold what a column does not take. */
    function withoutSecrets(sentence: string): string {
        return entries.reduce((text, [column, value], at) => {
            const secret = isFile(value) ? values[at] : null;
            return secret == null ? text : text.replaceAll(secret, `<${column}>`);
        }, sentence);
    }
}

async function textOf(value: SetValue): Promise<string | null> {
    return isFile(value) ? readSecret(value.file) : value;
}

function isFile(value: SetValue): value is { file: string } {
    return typeof value === "object" && value !== null;
}

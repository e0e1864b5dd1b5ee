import type { Connection } from "mysql2/promise";
import type { SetRows, SetValue } from "../../../contract/identity";
import { readSecret } from "../../postgres/server";
import { change, literal, quoted } from "../rows";

/**
 * Gives columns of rows the values that the stack wants.
 *
 * @returns how many rows
 * @throws {Error} that holds no value of a Secret
 */
export async function setRows(connection: Connection, { table, columns, where }: SetRows): Promise<number> {
    const entries = Object.entries(columns);
    const values = await Promise.all(entries.map(([, value]) => textOf(value)));
    const set = entries.map(([column], at) => {
        const value = values[at] ?? null;
        return `${quoted(column)} = ${value === null ? "null" : literal(value)}`;
    });
    // The newline ends a comment.
    const those = where === undefined ? "" : `where (${where}\n)`;
    try {
        return await change(connection, `update ${quoted(table)} set ${set.join(", ")} ${those}`);
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`identity.set of table ${table} fails: ${withoutSecrets(reason)}.`);
    }

    /** The server's words can hold what a column does not take. */
    function withoutSecrets(sentence: string): string {
        return entries.reduce((text, [column, value], at) => {
            const secret = isFile(value) ? values[at] : null;
            return secret == null
                ? text
                : text.replaceAll(secret, `<${column}>`).replaceAll(Buffer.from(secret).toString("hex"), `<${column}>`);
        }, sentence);
    }
}

async function textOf(value: SetValue): Promise<string | null> {
    return isFile(value) ? readSecret(value.file) : value;
}

function isFile(value: SetValue): value is { file: string } {
    return typeof value === "object" && value !== null;
}

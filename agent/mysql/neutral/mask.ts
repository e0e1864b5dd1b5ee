import type { Connection } from "mysql2/promise";
import { generationName } from "../../../contract";
import type { MaskReport } from "../../../contract/masking";
import type { MysqlPlan } from "../../../contract/mysql";
import { grouped } from "../../grouped";
import { classify, type Masked } from "../../neutral/mask/classify";
import { tableName } from "../../neutral/mask/columns";
import { kindOf, unclassifiedSentence } from "../../neutral/mask/told";
import { readSecret } from "../../postgres/server";
import { log, plural } from "../../report";
import { change, quoted, rowsOf } from "../rows";
import { columnsOf, tableOf } from "./columns";
import { expressionFor, keyVariable } from "./expression";
import { Memory } from "./memory";
import { undisturbed } from "./undisturbed";

/**
 * Masks a database of a generation that nobody uses yet.
 *
 * @param connection the generation's own account's, in that database
 * @param live name that the database will have
 * @returns what was masked; undefined if the stack says nothing of that database
 * @throws {Error} also when a column with text is in neither list: what nobody has looked at is not used
 */
export async function maskDatabase(
    { masking, database: { generation } }: MysqlPlan,
    live: string,
    connection: Connection,
): Promise<MaskReport | undefined> {
    const rules = masking?.databases[live];
    if (masking === undefined || rules === undefined) {
        return undefined;
    }
    const start = performance.now();
    const database = generationName(live, generation);
    const { masked, problems, unclassified } = classify(await columnsOf(connection, database), rules);
    if (problems.length > 0) {
        throw new Error(`${masking.file}, database ${live}: ${problems.join("; ")}.`);
    }
    if (unclassified.length > 0) {
        throw new Error(unclassifiedSentence(unclassified, live, masking.file));
    }
    const memory = await Memory.of(connection, masked);
    await connection.query(`set ${keyVariable} = ?`, [await readSecret(masking.keyFile)]);
    const rows = await undisturbed(connection, database, () => updateColumns(connection, masked));
    await memory.refuseSurvivors();
    const seconds = Math.round(performance.now() - start) / 1000;
    log(`masked ${plural(masked.length, "column")} of ${live}, ${plural(rows, "row")}, ${seconds} s`);
    return { columns: Object.fromEntries(masked.map(described)), rows, seconds };
}

async function updateColumns(connection: Connection, masked: Masked[]): Promise<number> {
    let rows = 0;
    const functionOf = functionNames(masked);
    await makeFunctions(connection, masked, functionOf);
    for (const columns of grouped(masked, tableName).values()) {
        const table = tableOf(columns[0] as Masked);
        const plain = columns.filter(({ rule }) => rule !== "shuffle");
        if (plain.length > 0) {
            const set = plain.map((column) => `${quoted(column.name)} = ${expressionFor(column, functionOf)}`);
            await connection.query(`update ${table} set ${set.join(", ")}`);
            const [found] = await rowsOf<{ count: number }>(connection, `select count(*) as count from ${table}`);
            rows += Number(found?.count ?? 0);
        }
        for (const column of columns.filter(({ rule }) => rule === "shuffle")) {
            rows += await shuffle(connection, column);
        }
    }
    await connection.query("commit");
    for (const column of masked.filter(isOwnSql)) {
        await connection.query(`drop function ${functionOf(column)}`);
    }
    return rows;
}

/** An expression over `value` becomes a function with a parameter of that name: a table has no such column. */
async function makeFunctions(
    connection: Connection,
    masked: Masked[],
    functionOf: (column: Masked) => string,
): Promise<void> {
    for (const column of masked.filter(isOwnSql)) {
        const { rule, type } = column;
        await connection
            .query(`create function ${functionOf(column)} (value ${type}) returns ${type} return (${rule.sql}\n)`)
            .catch((error: Error) => {
                throw new Error(`The rule of ${tableName(column)}.${column.name} is no expression: ${error.message}.`);
            });
    }
}

function functionNames(masked: Masked[]): (column: Masked) => string {
    return (column) => quoted(`understudy_mask_${masked.indexOf(column)}`);
}

function isOwnSql(column: Masked): column is Masked & { rule: { sql: string } } {
    return typeof column.rule === "object" && "sql" in column.rule;
}

/** Gives the values of a column to other rows that have one. */
async function shuffle(connection: Connection, column: Masked): Promise<number> {
    const keys = await primaryKey(connection, column.table);
    if (keys.length === 0) {
        throw new Error(
            `${tableName(column)}.${column.name} cannot be shuffled, as its table has no primary key: write another rule.`,
        );
    }
    const [table, name, list] = [tableOf(column), quoted(column.name), keys.map(quoted).join(", ")];
    return change(
        connection,
        `update ${table} as t
           join (select ${list}, row_number() over (order by ${list}) as understudy_number
                   from ${table} where ${name} is not null) as taker using (${list})
           join (select ${name} as understudy_value, row_number() over (order by rand()) as understudy_number
                   from ${table} where ${name} is not null) as giver using (understudy_number)
            set t.${name} = understudy_value`,
    );
}

/** Columns of a table's primary key, in its order; none if it has none. */
export async function primaryKey(connection: Connection, table: string): Promise<string[]> {
    const rows = await rowsOf<{ name: string }>(
        connection,
        `select column_name as name from information_schema.statistics
          where table_schema = database() and table_name = ? and index_name = 'PRIMARY' order by seq_in_index`,
        [table],
    );
    return rows.map(({ name }) => name);
}

function described(column: Masked): [string, string] {
    return [`${tableName(column)}.${column.name}`, kindOf(column.rule)];
}

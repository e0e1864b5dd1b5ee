import type { Connection } from "mysql2/promise";
import type { Proposal, Sign } from "../../../contract/masking";
import type { MysqlPlan } from "../../../contract/mysql";
import { grouped } from "../../grouped";
import { type Column, canHoldText, tableName } from "../../neutral/mask/columns";
import { looks, signIn } from "../../neutral/mask/signs";
import { suggestionFor } from "../../neutral/mask/suggest";
import { Refusal } from "../../refusal";
import { readGenerations } from "../generations";
import { literal, rowsOf } from "../rows";
import { inspectServer, withConnection } from "../server";
import { asText, columnsOf, tableOf } from "./columns";

type Tables = Proposal["databases"][string];

/** Values of a column that are looked at. */
const enough = 20_000;

/**
 * Proposes what becomes of each column with text, by the names and the values of a copy that is there: the one that the plan
 * asks for, also where it was refused and kept, else the one in use. It changes nothing.
 *
 * @returns a {@link Proposal} as one line of JSON
 * @throws {Refusal} when there is no copy to look at
 */
export async function proposeMasking(plan: MysqlPlan, signal: AbortSignal): Promise<string> {
    const server = await inspectServer(plan);
    try {
        const generations = await readGenerations(server.admin, plan);
        const looked =
            generations.find(({ id }) => id === plan.database.generation) ??
            generations.find(({ state }) => state === "live");
        const there = looked?.databases.filter(({ present }) => present) ?? [];
        if (looked === undefined || there.length === 0) {
            throw new Refusal(
                "There is no copy of the database to look at: set keepFailed: true and run up, which stops before the copy " +
                    "is used if a column is in neither list, and leaves it.",
            );
        }
        const databases: Proposal["databases"] = {};
        for (const { name, current } of there) {
            databases[name] = await withConnection(server, { database: current }, signal, (connection) =>
                proposeFor(connection, current),
            );
        }
        return JSON.stringify({ generation: looked.id, databases } satisfies Proposal);
    } finally {
        await server.close();
    }
}

async function proposeFor(connection: Connection, database: string): Promise<Tables> {
    await connection.query("set session transaction read only");
    const tables: Tables = {};
    for (const [table, its] of grouped((await columnsOf(connection, database)).filter(canHoldText), tableName)) {
        const proposed: Tables[string] = {};
        for (const column of its) {
            const sign = await signOf(connection, column);
            proposed[column.name] = { rule: suggestionFor(column, sign), ...(sign && { sign }) };
        }
        tables[table] = proposed;
    }
    return tables;
}

/** What a column's values look like. They are counted in the server, and none of them leaves it. */
async function signOf(connection: Connection, column: Column): Promise<Sign | undefined> {
    const counts = looks.map(({ pattern }, at) => `sum(value regexp binary ${literal(pattern)}) as n${at}`);
    const [row = {}] = await rowsOf<Record<string, number | string | null>>(
        connection,
        `select count(*) as total, ${counts.join(", ")}
           from (select ${asText(column)} as value from ${tableOf(column)} limit ${enough}) as sample where value <> ''`,
    );
    return signIn(
        looks.map((_, at) => Number(row[`n${at}`] ?? 0)),
        Number(row.total ?? 0),
    );
}

import type { Plan } from "../../../contract";
import type { Proposal, TableRules } from "../../../contract/masking";
import { grouped } from "../../grouped";
import { readGenerations } from "../../postgres/generations";
import { inspectServer, type Server, withClient } from "../../postgres/server";
import { Refusal } from "../../refusal";
import { classify } from "./classify";
import { type Column, columnsOf, tableName } from "./columns";
import { signOf } from "./signs";
import { suggestionFor } from "./suggest";

type Tables = Proposal["databases"][string];

/**
 * Proposes what becomes of each column with text, by the names and the values of a copy that is there: the one that the plan
 * asks for, also where it was refused and kept, else the one in use. It changes nothing.
 *
 * @returns a {@link Proposal} as one line of JSON
 * @throws {Refusal} when there is no copy to look at
 */
export async function proposeMasking(plan: Plan, signal: AbortSignal): Promise<string> {
    const server = await inspectServer(plan, "mask-suggest");
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
            databases[name] = await proposeFor(server, current, plan.masking?.databases[name] ?? {}, signal);
        }
        return JSON.stringify({ generation: looked.id, databases } satisfies Proposal);
    } finally {
        await server.close();
    }
}

async function proposeFor(server: Server, database: string, rules: TableRules, signal: AbortSignal) {
    return withClient(server, database, signal, async (client) => {
        await client.query("set default_transaction_read_only = on");
        const columns = await columnsOf(client);
        const tables: Tables = {};
        for (const [table, its] of grouped(classify(columns, rules).unclassified, tableName)) {
            tables[table] = rules[table] === "keep" ? keptOf(columns, table) : {};
            for (const column of its) {
                const sign = await signOf(client, column);
                tables[table][column.name] = { rule: suggestionFor(column, sign), ...(sign && { sign }) };
            }
        }
        return tables;
    });
}

/** A table that is no longer kept as a whole has to name each column that is. */
function keptOf(columns: Column[], table: string): Tables[string] {
    const its = columns.filter((column) => tableName(column) === table && column.isWritten && !column.isGenerated);
    return Object.fromEntries(its.map(({ name }) => [name, { rule: "keep" as const }]));
}

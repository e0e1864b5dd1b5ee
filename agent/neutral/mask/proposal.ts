import type { Plan } from "../../../contract";
import type { Proposal } from "../../../contract/masking";
import { grouped } from "../../grouped";
import { readGenerations } from "../../postgres/generations";
import { inspectServer, type Server, withClient } from "../../postgres/server";
import { Refusal } from "../../refusal";
import { canHoldText, columnsOf, tableName } from "./columns";
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
            databases[name] = await proposeFor(server, current, signal);
        }
        return JSON.stringify({ generation: looked.id, databases } satisfies Proposal);
    } finally {
        await server.close();
    }
}

async function proposeFor(server: Server, database: string, signal: AbortSignal): Promise<Tables> {
    return withClient(server, database, signal, async (client) => {
        await client.query("set default_transaction_read_only = on");
        const tables: Tables = {};
        for (const [table, its] of grouped((await columnsOf(client)).filter(canHoldText), tableName)) {
            const proposed: Tables[string] = {};
            for (const column of its) {
                const sign = await signOf(client, column);
                proposed[column.name] = { rule: suggestionFor(column, sign), ...(sign && { sign }) };
            }
            tables[table] = proposed;
        }
        return tables;
    });
}

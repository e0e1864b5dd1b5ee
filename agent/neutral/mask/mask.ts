import { generationName, type Plan } from "../../../contract";
import type { MaskReport } from "../../../contract/masking";
import { grouped } from "../../grouped";
import { actingAsOwner } from "../../postgres/acting";
import { readSecret, type Server, withClient } from "../../postgres/server";
import { log, plural } from "../../report";
import { classify, type Masked } from "./classify";
import { columnsOf } from "./columns";
import { Memory } from "./leaks";
import { kindOf, unclassifiedSentence } from "./told";
import { updateColumns } from "./update";

/**
 * Masks a database of a generation that nobody uses yet, and proves that nothing of what was masked is left.
 *
 * @param live name that the database will have
 * @returns what was masked; undefined if the stack says nothing of that database
 * @throws {Error} also when a column with text is in neither list: what nobody has looked at is not used
 */
export async function maskDatabase(
    { masking, database: { generation } }: Plan,
    live: string,
    server: Server,
    signal: AbortSignal,
): Promise<MaskReport | undefined> {
    const rules = masking?.databases[live];
    if (masking === undefined || rules === undefined) {
        return undefined;
    }
    const start = performance.now();
    const database = generationName(live, generation);
    const key = await readSecret(masking.keyFile);
    return withClient(server, database, signal, async (client) => {
        const columns = await columnsOf(client);
        const { masked, problems, unclassified } = classify(columns, rules);
        if (problems.length > 0) {
            throw new Error(`${masking.file}, database ${live}: ${problems.join("; ")}.`);
        }
        if (unclassified.length > 0) {
            throw new Error(unclassifiedSentence(unclassified, live, masking.file));
        }
        const memory = await Memory.of(client, masked);
        let rows = 0;
        for (const [owner, its] of grouped(masked, ({ owner }) => owner)) {
            const acting = { generation, database, owner };
            rows += await actingAsOwner(server, acting, signal, (owners) => updateColumns(owners, key, its));
        }
        await memory.refuseSurvivors();
        const seconds = Math.round(performance.now() - start) / 1000;
        log(`masked ${plural(masked.length, "column")} of ${live}, ${plural(rows, "row")}, ${seconds} s`);
        return { columns: Object.fromEntries(masked.map(described)), rows, seconds };
    });
}

function described({ schema, table, name, rule }: Masked): [string, string] {
    return [`${schema}.${table}.${name}`, kindOf(rule)];
}

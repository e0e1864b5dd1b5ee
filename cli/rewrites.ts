import { plural } from "../agent/report";
import { type RewritesFound, rewritesFound } from "../contract/identity";
import type { Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import { table } from "../table";
import { askAgent } from "./asking";
import { askTarget } from "./hosts";

/**
 * Counts what the stack file's rules would rewrite in the copy that is live.
 *
 * @throws Error when there is no rule, when the replica does not stand, or when the agent cannot run
 */
export async function countRewrites(settings: Settings | HostSettings, stackName: string): Promise<RewritesFound> {
    if (settings.identity === undefined || settings.identity.rewrite.length === 0) {
        throw new Error(`Pulumi.${stackName}.yaml has no rule to count with: write identity.rewrite.`);
    }
    const asking =
        settings.role === "hosts"
            ? askTarget(settings, stackName, "count-rewrites")
            : askAgent(settings, stackName, "count-rewrites");
    return rewritesFound.parse(await asking);
}

/** What rules of rewriting would change, for people: a line for each column. */
export function describeRewrites(found: RewritesFound): string {
    const rows = Object.entries(found).flatMap(([database, columns]) =>
        Object.entries(columns).map(([column, rows]): [string, string] => [
            `${database}: ${column.replace(/^public\./, "")}`,
            plural(rows, "row"),
        ]),
    );
    return rows.length === 0 ? "The copy that is live holds nothing of what identity.rewrite names." : table(rows);
}

/** A masking file with a proposal for each column that it does not name yet. */

import { nameAsYaml, ruleAsYaml } from "../agent/neutral/mask/yaml";
import { plural } from "../agent/report";
import { type MaskingPlan, maskingVersion, type Proposal, type Rule, ruleOf, type Sign } from "../contract/masking";

/** Of a line that nobody has looked at yet. */
const mark = " # new";

type Rules = MaskingPlan["databases"];
type Proposed = Proposal["databases"][string][string][string];

/**
 * The whole file, what it says already and what is proposed, as YAML. Each proposal has a comment that says what speaks for it.
 *
 * @param rules what the file says already; empty if there is none
 */
export function maskingFile({ generation, databases }: Proposal, rules: Rules): string {
    const lines = sorted(rules, databases).flatMap((name) => {
        const its = linesOf(rules[name] ?? {}, databases[name] ?? {});
        return [`  ${nameAsYaml(name)}:${its.length === 0 ? " {}" : ""}`, ...its];
    });
    const count = lines.filter((line) => line.includes(mark)).length;
    const heading =
        count === 0
            ? `# Generation ${generation} has no column with text that is in neither list.`
            : `# New for generation ${generation}: ${plural(count, "column")}, by names and by what values look like. Look at each.`;
    return `${[heading, `version: ${maskingVersion}`, "databases:", ...lines].join("\n")}\n`;
}

function linesOf(rules: Rules[string], proposed: Proposal["databases"][string]): string[] {
    return sorted(rules, proposed).flatMap((table) => {
        const known = rules[table];
        const all = Object.entries(proposed[table] ?? {});
        const fresh = all.filter(([column]) => ruleOf(rules, table, column) === undefined);
        if (fresh.length === 0) {
            return known === undefined || Object.keys(known).length === 0 ? [] : linesOfTable(table, known);
        }
        // A table that is no longer kept as a whole has to name each column that is.
        const kept =
            known === "keep" ? all.filter((one) => !fresh.includes(one)).map(([column]) => [column, known]) : [];
        return [
            ...linesOfTable(table, known === "keep" ? Object.fromEntries(kept) : (known ?? {})),
            ...fresh.map(([column, one]) => `${lineOf(column, one.rule)}${mark}${because(one)}`),
        ];
    });
}

function linesOfTable(table: string, rules: Rules[string][string]): string[] {
    return rules === "keep"
        ? [`    ${nameAsYaml(table)}: keep`]
        : [`    ${nameAsYaml(table)}:`, ...Object.entries(rules).map(([column, rule]) => lineOf(column, rule))];
}

function lineOf(column: string, rule: Rule): string {
    return `      ${nameAsYaml(column)}: ${ruleAsYaml(rule)}`;
}

function because({ rule, sign }: Proposed): string {
    return sign === undefined ? (rule === "keep" ? "" : ": so it is called") : `: ${described(sign)}`;
}

function described({ looks, count, values }: Sign): string {
    return `${count} of ${values} values look like ${looks}`;
}

function sorted(...records: object[]): string[] {
    return [...new Set(records.flatMap((record) => Object.keys(record)))].toSorted();
}

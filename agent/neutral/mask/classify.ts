import type { Rule, TableRules } from "../../../contract/masking";
import { ruleOf, textRules } from "../../../contract/masking";
import { grouped } from "../../grouped";
import { type Column, canHoldText, tableName } from "./columns";

/** A column with what becomes of it. */
export type Masked = Column & { rule: Exclude<Rule, "keep"> };

/** What the rules come to for the columns that there are. */
export interface Classified {
    masked: Masked[];
    /** What speaks against it, each a sentence. */
    problems: string[];
    /** Columns with text that are in neither list. */
    unclassified: Column[];
}

/** Holds the rules against the columns. */
export function classify(columns: Column[], rules: TableRules): Classified {
    const found: Classified = { masked: [], problems: [], unclassified: [] };
    const tables = grouped(columns, tableName);
    for (const [table, rule] of Object.entries(rules)) {
        const known = tables.get(table);
        if (known === undefined) {
            found.problems.push(`there is no table ${table}: remove it, or write what it is called`);
        } else if (rule !== "keep") {
            const names = new Set(known.map(({ name }) => name));
            const missing = Object.keys(rule).filter((name) => !names.has(name));
            found.problems.push(...missing.map((name) => `table ${table} has no column ${name}: remove it`));
        }
    }
    for (const column of columns) {
        place(column, ruleOf(rules, tableName(column), column.name));
    }
    return found;

    function place(column: Column, rule: Rule | undefined) {
        if (rule === undefined) {
            if (canHoldText(column)) {
                found.unclassified.push(column);
            }
        } else if (rule !== "keep") {
            const problem = unfitness(column, rule);
            if (problem === undefined) {
                found.masked.push({ ...column, rule });
            } else {
                found.problems.push(`${tableName(column)}.${column.name} ${problem}`);
            }
        }
    }
}

/** Why a rule is not for a column, if it is not. */
function unfitness({ kind, type, isRequired, isGenerated }: Column, rule: Rule): string | undefined {
    if (isGenerated) {
        return "is computed by the server out of others: remove it";
    }
    if (rule === "null" && isRequired) {
        return 'is NOT NULL: write another rule than null, such as { fixed: "" }';
    }
    const isForText = typeof rule === "string" && [...textRules, "unusable"].includes(rule);
    return isForText && kind !== "text"
        ? `is of type ${type}, and rule ${rule} is for text: write null, fixed, shuffle or sql`
        : undefined;
}

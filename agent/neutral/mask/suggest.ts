import type { Rule, Sign } from "../../../contract/masking";
import { grouped } from "../../grouped";
import { type Column, tableName } from "./columns";
import { nameAsYaml, ruleAsYaml } from "./yaml";

/** What names of columns tell of what they hold, the first that fits. */
const hints: [RegExp, Rule][] = [
    [/passw|pwd|passphrase/i, "unusable"],
    [/mail/i, "email"],
    [/phone|mobile|\btel|_tel\b|fax/i, "phone"],
    [/token|secret|api_?key|session|cookie|otp|salt|hash|credential/i, "hash"],
    [
        /(first|last|given|family|full|display|nick|maiden)_?name|surname|author|contact|user_?name|login|^name$/i,
        "name",
    ],
    [/address|street|city|zip|postal|birth|\bip\b|_ip$|iban|ssn|passport|comment|note|message|bio/i, "hash"],
];

/** The rule that a column's values suggest, else its name; to be kept where neither does. */
export function suggestionFor({ name, kind }: Pick<Column, "name" | "kind">, sign?: Sign): Rule {
    const rule = sign?.rule ?? hints.find(([pattern]) => pattern.test(name))?.[1] ?? "keep";
    return kind === "text" || rule === "keep" ? rule : "null";
}

/** Lines for a masking file, one for each table, with a suggestion for each column. */
export function suggestedLines(columns: Column[]): string[] {
    return [...grouped(columns, tableName)].map(([table, its]) => {
        const rules = its.map((column) => `${nameAsYaml(column.name)}: ${ruleAsYaml(suggestionFor(column))}`);
        return `${nameAsYaml(table)}: { ${rules.join(", ")} }`;
    });
}

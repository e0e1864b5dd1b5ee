import type { Rule } from "../../../contract/masking";
import { grouped } from "../../grouped";
import { type Column, tableName } from "./columns";

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

/** The rule that the name of a column suggests; to be kept where it suggests nothing. */
export function suggestionFor({ name, kind }: Pick<Column, "name" | "kind">): Rule {
    const rule = hints.find(([pattern]) => pattern.test(name))?.[1] ?? "keep";
    return kind === "text" || rule === "keep" ? rule : "null";
}

/** Lines for a masking file, one for each table, with a suggestion for each column. */
export function suggestedLines(columns: Column[]): string[] {
    return [...grouped(columns, tableName)].map(([table, its]) => {
        const rules = its.map((column) => `${quoted(column.name)}: ${written(suggestionFor(column))}`);
        return `${quoted(table)}: { ${rules.join(", ")} }`;
    });
}

/** As YAML takes it for text. */
function quoted(name: string): string {
    return /^[a-z_][\w.]*$/i.test(name) && !/^(null|true|false|yes|no|on|off|y|n)$/i.test(name)
        ? name
        : JSON.stringify(name);
}

function written(rule: Rule): string {
    return rule === "null" ? '"null"' : String(rule);
}

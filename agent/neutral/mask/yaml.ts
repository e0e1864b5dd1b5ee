/** Names and rules as a masking file has them. */
import type { Rule } from "../../../contract/masking";

/** A name as YAML takes it for text. */
export function nameAsYaml(name: string): string {
    return /^[a-z_][\w.]*$/i.test(name) && !/^(null|true|false|yes|no|on|off|y|n)$/i.test(name)
        ? name
        : JSON.stringify(name);
}

export function ruleAsYaml(rule: Rule): string {
    if (typeof rule === "string") {
        return rule === "null" ? '"null"' : rule;
    }
    return "fixed" in rule ? `{ fixed: ${JSON.stringify(rule.fixed)} }` : `{ sql: ${JSON.stringify(rule.sql)} }`;
}

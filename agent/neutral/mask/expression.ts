import { escapeIdentifier, escapeLiteral } from "pg";
import type { Masked } from "./classify";

/** Setting of the session with the key of stable values. */
export const keySetting = "understudy.masking_key";

/** Letters for the sixteen digits of a hash, so that it can be spoken. */
const letters = { digits: "0123456789abcdef", first: "bdfgklmnprstvwzj", second: "aeiouaeiouaeiouy" };

/**
 * What a column of a row is set to, as an expression of SQL. The same value becomes the same one wherever a rule is the same;
 * nobody without the key can find out of which value it was made.
 */
export function expressionFor(column: Masked): string {
    const value = escapeIdentifier(column.name);
    return `(${cut(plainExpression(column, value), column)})::${column.type}`;
}

function plainExpression({ rule }: Masked, value: string): string {
    if (typeof rule === "object") {
        return "fixed" in rule
            ? escapeLiteral(rule.fixed)
            : `select (${rule.sql}) from (select ${value} as value) as row`;
    }
    switch (rule) {
        case "hash":
            return unlessEmpty(value, `left(${hashed(`${value}::text`)}, 32)`);
        case "email":
            return unlessEmpty(value, `left(${hashed(`lower(${value}::text)`)}, 16) || '@replica.invalid'`);
        case "name":
            return unlessEmpty(value, spoken(`${value}::text`));
        case "phone":
            return unlessEmpty(value, `'+999' || left(translate(${hashed(`${value}::text`)}, 'abcdef', '012345'), 9)`);
        // No program makes this of any password.
        case "unusable":
            return "'!'";
        default:
            return "null";
    }
}

/** What is not there, or empty, tells nothing of anybody, and a program may ask whether it is. */
function unlessEmpty(value: string, expression: string): string {
    return `case when ${value}::text = '' then '' when ${value} is not null then ${expression} end`;
}

function hashed(text: string): string {
    const key = `current_setting('${keySetting}')`;
    return `encode(sha256(convert_to(${key} || ${text} || ${key}, 'UTF8')), 'hex')`;
}

/** Two words that look like a name. */
function spoken(text: string): string {
    const { digits, first, second } = letters;
    const word = (from: number) =>
        `initcap(${[0, 1, 2].map((n) => `translate(substr(h, ${from + 2 * n}, 1), '${digits}', '${first}') || translate(substr(h, ${from + 2 * n + 1}, 1), '${digits}', '${second}')`).join(" || ")})`;
    return `(select ${word(1)} || ' ' || ${word(7)} from (select ${hashed(text)} as h) as row)`;
}

/** As long as the column takes it. */
function cut(expression: string, { length, kind }: Masked): string {
    return length === undefined || kind !== "text" ? expression : `left((${expression})::text, ${length})`;
}

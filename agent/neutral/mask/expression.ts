import { escapeIdentifier, escapeLiteral } from "pg";
import type { Masked } from "./classify";

/** Setting of the session with the key of stable values. */
export const keySetting = "understudy.masking_key";

/**
 * A hash can be spoken where its odd digits are among the lower eight, and become these consonants, and the others among
 * the higher ones, and become vowels.
 */
const spelling = { digits: "0123456789abcdef", letters: "bdfklmnpaeiouaei" };
const odd = BigInt.asIntN(64, 0x7777_7777_7777_7777n);
const even = BigInt.asIntN(64, 0x0808_0808_0808_0808n);

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
            return unlessEmpty(value, `'+999' || translate(left(${hashed(`${value}::text`)}, 9), 'abcdef', '012345')`);
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
    const number = `('x' || left(${hashed(text)}, 16))::bit(64)::bigint & ${odd} | ${even}`;
    const word = `lpad(to_hex(${number}), 16, '0')`;
    return `initcap(overlay(translate(${word}, '${spelling.digits}', '${spelling.letters}') placing ' ' from 9 for 0))`;
}

/** As long as the column takes it. */
function cut(expression: string, { length, kind }: Masked): string {
    return length === undefined || kind !== "text" ? expression : `left((${expression})::text, ${length})`;
}

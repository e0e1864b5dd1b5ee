import type { Masked } from "../../neutral/mask/classify";
import { literal, quoted } from "../rows";
import { asText } from "./columns";

/** Variable of the session with the key of stable values. */
export const keyVariable = "@understudy_masking_key";

/**
 * What digits of a hash become, so that it can be spoken: those below eight consonants, the others vowels. Capitals, so that no
 * letter is taken for a digit again.
 */
const spelling: [string, string][] = [..."0123456789abcdef"].map((digit, at) => [
    digit,
    "BDFKLMNPAEIOUAEI"[at] as string,
]);

/** An odd digit is among the lower eight, an even one among the others: 0x7777777777777777 and 0x0808080808080808. */
const [odd, even] = ["8608480567731124087", "578721382704613384"];

/**
 * What a column of a row is set to, as an expression of SQL. The same value becomes the same one wherever a rule is the
 * same, as in PostgreSQL; nobody without the key can find out of which value it was made.
 *
 * @param functionOf name of the function that a rule of SQL has become
 */
export function expressionFor(column: Masked, functionOf: (column: Masked) => string): string {
    const { rule, length, kind } = column;
    const expression = plainExpression(rule, asText(column), () => `${functionOf(column)}(${quoted(column.name)})`);
    return length === undefined || kind !== "text" ? expression : `left(${expression}, ${length})`;
}

function plainExpression(rule: Masked["rule"], value: string, called: () => string): string {
    if (typeof rule === "object") {
        return "fixed" in rule ? literal(rule.fixed) : called();
    }
    switch (rule) {
        case "hash":
            return unlessEmpty(value, `left(${hashed(value)}, 32)`);
        case "email":
            return unlessEmpty(value, `concat(left(${hashed(`lower(${value})`)}, 16), '@replica.invalid')`);
        case "name":
            return unlessEmpty(value, spoken(value));
        case "phone":
            return unlessEmpty(value, `concat('+999', ${digits(`left(${hashed(value)}, 9)`)})`);
        // No program makes this of any password.
        case "unusable":
            return "'!'";
        default:
            return "null";
    }
}

/** What is not there, or empty, tells nothing of anybody, and a program may ask whether it is. */
function unlessEmpty(value: string, expression: string): string {
    return `case when ${value} = '' then '' when ${value} is not null then ${expression} end`;
}

function hashed(text: string): string {
    return `sha2(concat(${keyVariable}, ${text}, ${keyVariable}), 256)`;
}

function digits(text: string): string {
    return [..."abcdef"].reduce((done, letter, at) => `replace(${done}, '${letter}', '${at}')`, text);
}

/** Two words that look like a name. */
function spoken(text: string): string {
    const number = `cast(conv(left(${hashed(text)}, 16), 16, 10) as unsigned) & ${odd} | ${even}`;
    const word = spelling.reduce(
        (done, [digit, letter]) => `replace(${done}, '${digit}', '${letter}')`,
        `lower(lpad(hex(${number}), 16, '0'))`,
    );
    return `concat(left(${word}, 1), lower(substr(${word}, 2, 7)), ' ', substr(${word}, 9, 1), lower(substr(${word}, 10)))`;
}

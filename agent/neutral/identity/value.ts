import { type Pattern, rewriteText } from "../../../contract/rewrite";

/** How the text of a value is made up: as people write it, or as lists and pairs whose items stand in quotes. */
export type Form = "plain" | "quoted";

/** Values inside of values that are followed; deeper ones are refused, as nobody writes them. */
const deepest = 100;

/** Beginning of what has its length before it: a text of PHP's, or an object that writes itself. */
const measured = /(?<![A-Za-z0-9_])(?:s:(\d+):"|(C:\d+:"[^"]*"):(\d+):\{)/g;

/** A text in quotes, with a backslash before what is special in it; or all that is between two of them. */
const quotedOrNot = /"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|[^"]+|"/g;

/** A character of JSON that is written as another one, pairs of which make one. */
const escapes = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?:u[0-9a-fA-F]{4}|.)/g;

/**
 * Rewrites values of which text is only a part: JSON, and what PHP has serialised, in each other as often as they are. Texts
 * of PHP get their new length. What is broken is taken for plain text. Nothing is ever evaluated, and what is not rewritten
 * stays as it is, byte for byte.
 *
 * All text here is bytes in the database's encoding, one character for each: lengths of PHP count bytes.
 */
export class Rewriter {
    /**
     * @param patterns the longest first
     * @param isUtf8 whether that is the database's encoding
     */
    constructor(
        private readonly patterns: Pattern[],
        private readonly isUtf8: boolean,
    ) {}

    /**
     * A value with everything in it rewritten.
     *
     * @throws {Error} when it holds values in values without end
     */
    rewrite(bytes: Buffer, form: Form): Buffer {
        const text = bytes.toString("latin1");
        const rewritten = form === "quoted" ? this.items(text) : this.value(text, 0);
        return rewritten === text ? bytes : Buffer.from(rewritten, "latin1");
    }

    private value(text: string, depth: number): string {
        if (depth > deepest) {
            throw new Error(`holds values in values, more than ${deepest} deep: write its column to identity.except`);
        }
        return isJson(text) ? this.json(text, depth) : this.serialised(text, depth);
    }

    /** Items of an array or pairs of an hstore, as PostgreSQL writes them. */
    private items(text: string): string {
        return text.replaceAll(quotedOrNot, (whole, inner: string | undefined) => {
            if (inner === undefined) {
                return rewriteText(whole, this.patterns);
            }
            const item = inner.replaceAll(/\\([\s\S])/g, "$1");
            const rewritten = this.value(item, 1);
            return rewritten === item ? whole : `"${rewritten.replaceAll(/["\\]/g, "\\$&")}"`;
        });
    }

    private json(text: string, depth: number): string {
        return text.replaceAll(quotedOrNot, (whole, inner: string | undefined) => {
            const item = inner === undefined ? undefined : this.decoded(inner);
            if (inner === undefined || item === undefined) {
                return rewriteText(whole, this.patterns);
            }
            const rewritten = this.value(item, depth + 1);
            return rewritten === item ? whole : encoded(rewritten, inner);
        });
    }

    /** What a text of JSON stands for; undefined if that cannot be told in the database's encoding. */
    private decoded(inner: string): string | undefined {
        const isMixed = !isAscii(inner) && /\\u(?!00[0-7])/.test(inner);
        if (isMixed && !this.isUtf8) {
            return undefined;
        }
        let isWhole = true;
        const text = inner.replaceAll(escapes, (one) => {
            const character = JSON.parse(`"${one}"`) as string;
            isWhole &&= !/\p{Surrogate}/u.test(character);
            return Buffer.from(character).toString("latin1");
        });
        return isWhole ? text : undefined;
    }

    private serialised(text: string, depth: number): string {
        const begins = new RegExp(measured);
        let rewritten = "";
        let through = 0;
        for (let found = begins.exec(text); found !== null; found = begins.exec(text)) {
            const [whole, ofText, object, ofObject] = found;
            const begin = found.index + whole.length;
            const end = begin + Number(ofText ?? ofObject);
            if (!text.startsWith(ofText === undefined ? "}" : '";', end)) {
                continue;
            }
            const inner = this.value(text.slice(begin, end), depth + 1);
            const head = object === undefined ? `s:${inner.length}:"` : `${object}:${inner.length}:{`;
            rewritten += `${rewriteText(text.slice(through, found.index), this.patterns)}${head}${inner}`;
            through = end;
            begins.lastIndex = end;
        }
        return rewritten + rewriteText(text.slice(through), this.patterns);
    }
}

function isJson(text: string): boolean {
    if (!/^\s*["[{]/.test(text)) {
        return false;
    }
    try {
        JSON.parse(text);
        return true;
    } catch {
        return false;
    }
}

/** A text of JSON, of which each character is written as it is in the one that this replaces. */
function encoded(text: string, before: string): string {
    const isEscaped = isAscii(before);
    const written = new Map((before.match(escapes) ?? []).map((one) => [JSON.parse(`"${one}"`) as string, one]));
    const characters = isEscaped ? Buffer.from(text, "latin1").toString() : text;
    const json = characters.replaceAll(/[^A-Za-z0-9 ]/gu, (one) => {
        // Otherwise what is not ASCII is bytes here, not characters.
        const known = isEscaped || isAscii(one) ? written.get(one) : undefined;
        return known ?? JSON.stringify(one).slice(1, -1);
    });
    return `"${isEscaped ? json.replaceAll(/[^\0-\x7f]/g, asEscape) : json}"`;
}

function asEscape(unit: string): string {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function isAscii(text: string): boolean {
    return !/[^\0-\x7f]/.test(text);
}

/**
 * What a rule of rewriting finds in text: production's host names, addresses and folders. One pattern is for the server and for the
 * agent alike, as both speak the part of regular expressions that is used here.
 */
import * as z from "zod";

/** Production's host name, or the beginning of an address or of a path of production's, and what stands in its place. */
export const rewriteRule = z.strictObject({ from: z.string().min(1), to: z.string().min(1) });
export type RewriteRule = z.infer<typeof rewriteRule>;

/** How a rule is applied to text. Letters of ASCII count the same in capitals. */
export interface Pattern {
    /** Regular expression, of which no part looks back: servers are slow at that. */
    find: string;
    /** What stands in its place: `\1` is what stood before, `\2` an address's colon and `\3` a slash, as they were written. */
    put: string;
    /** Text without which the pattern is nowhere. */
    host: string;
}

/** What stands before text and is no part of a name though it ends in letters: `\n` and `\u0022` of JSON, `%2F` of addresses. */
const escaped = String.raw`\\[bfnrt]|\\u[0-9a-f]{4}|%[0-9a-f]{2}`;

/** A slash as it stands in text, in JSON or in an address. */
const slash = String.raw`\\*/|\\+u002f|%2f`;

/** The pattern of a rule. It finds whole names: neither `myshop.example.org` nor `shop.example.organic` is `shop.example.org`. */
export function patternOf(rule: RewriteRule): Pattern {
    const { from, to } = rule;
    if (from.startsWith("/")) {
        return patternOfFolder(rule);
    }
    const [name = "", kind] = from.split("://").reverse();
    const host = name.replace(/[:/].*/, "").toLowerCase();
    // Behind a port of its own, none of production's can stay.
    const port = /:\d/.test(to) ? "|:[0-9]" : "";
    const after = String.raw`(?![a-z0-9_-]|\.[a-z0-9]${port})`;
    if (kind === undefined) {
        const before = String.raw`(^\.?|[^a-z0-9_.-]|[^a-z0-9_-]\.|${escaped})`;
        return { find: `${before}${literal(name)}${after}`, put: `\\1${to}`, host };
    }
    const path = literal(name).replaceAll("/", `(?:${slash})`);
    return {
        find: `(^|[^a-z0-9]|${escaped})${literal(kind)}(:|%3a)(${slash})(?:${slash})${path}${after}`,
        put: `\\1${to.replace("://", String.raw`\2//`).replaceAll("/", String.raw`\3`)}`,
        host,
    };
}

/** It finds whole paths and what is below them: `/srv/shop` is neither `/mnt/srv/shop` nor `/srv/shop2`. */
function patternOfFolder({ from, to }: RewriteRule): Pattern {
    const [, ...names] = from.split("/");
    const path = names.map(literal).join(`(?:${slash})`);
    const before = String.raw`^|[^a-z0-9_./\\-]|${escaped}|file(?::|%3a)(?:${slash})(?:${slash})`;
    return {
        find: String.raw`(${before})()(${slash})${path}(?![a-z0-9_-]|\.[a-z0-9])`,
        put: `\\1${to.replaceAll("/", String.raw`\3`)}`,
        // Nobody knows how the slashes are written.
        host: names.toSorted((a, b) => b.length - a.length)[0]?.toLowerCase() ?? "",
    };
}

function literal(text: string): string {
    return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** The patterns of rules, the longest first: an address goes before its host name. */
export function patternsOf(rules: RewriteRule[]): Pattern[] {
    return rules.toSorted((a, b) => b.from.length - a.from.length).map(patternOf);
}

/** Applies patterns to text without any structure of its own. */
export function rewriteText(text: string, patterns: Pattern[]): string {
    return patterns.reduce(
        (before, { find, put }) =>
            before.replaceAll(new RegExp(find, "gi"), (_, ...groups) =>
                put.replaceAll(/\\([123])/g, (_, number) => groups[Number(number) - 1]),
            ),
        text,
    );
}

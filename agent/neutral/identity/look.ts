import { type Client, escapeLiteral as text } from "pg";
import { type Pattern, patternsOf, type RewriteRule } from "../../../contract/rewrite";
import { grouped } from "../../grouped";
import { asText, type Column, tableName, tableOf } from "../mask/columns";
import { type Form, Rewriter } from "./value";

/** A column with text. */
export type Rewritable = Column & { form: Form };

/** What is to be rewritten in a database, and how. */
export interface Rewriting {
    patterns: Pattern[];
    rewriter: Rewriter;
}

/** What a column holds that the rules are about: rows that the server can rewrite, and rows with long or composed values. */
export interface Found {
    column: Rewritable;
    plain: number;
    composed: number;
}

/** A row in which the agent has rewritten values; nothing for those that stay. */
interface Changed {
    class: string;
    place: string;
    values: (Buffer | null)[];
}

/** Bytes of a value that the server still rewrites: it looks through all of it again for each name that it finds. */
const longest = 16_384;

/** Bytes of values that are in memory at once, as far as a single one is not larger. */
const atOnce = 4 * 2 ** 20;

/** Prepares rules for a database's encoding. */
export async function rewritingIn(client: Client, rules: RewriteRule[]): Promise<Rewriting> {
    const patterns = patternsOf(rules);
    const { rows } = await client.query<{ encoding: string }>("select getdatabaseencoding() as encoding");
    return { patterns, rewriter: new Rewriter(patterns, rows[0]?.encoding === "UTF8") };
}

/** What is asked of a column's text in the server, where letters and bytes are the same to everybody. */
export function conditions(column: Column, patterns: Pattern[]) {
    const value = `(${asText(column)} collate "C")`;
    const named = `(${needles(patterns.map(({ host }) => host))
        .map((needle) => `${value} ilike ${text(`%${needle.replaceAll(/[%_\\]/g, "\\$&")}%`)}`)
        .join(" or ")})`;
    const hidden = `${value} like ${text(String.raw`%\\u00%`)}`;
    const measured = text(String.raw`(^|[^A-Za-z0-9_])(s:[0-9]+:\\*"|C:[0-9]+:)`);
    const intricate = `(octet_length(${value}) > ${longest} or ${value} ~ ${measured})`;
    const composed = `(${hidden} and ${value} ~ ${text(String.raw`\\u00[2-7]`)} or ${named} and ${intricate})`;
    const found = patterns.map(({ find }) => `${value} ~* ${text(find)}`).join(" or ");
    return {
        value,
        /** Quickly told: without it there is nothing to rewrite. */
        possible: `(${named} or ${hidden})`,
        composed,
        // In this order, whatever the planner thinks of each.
        plain: `case when not ${named} or ${composed} then false else ${found} end`,
        rewritten: patterns.reduce(
            (before, { find, put }) => `regexp_replace(${before}, ${text(find)}, ${text(put)}, 'gi')`,
            value,
        ),
    };
}

/** What is looked for before all else: what all hosts have in common, which is one search, or each of them. */
export function needles(hosts: string[]): string[] {
    const [first = "", ...others] = new Set(hosts);
    let shared = "";
    for (let begin = 0; begin < first.length; begin++) {
        let end = begin + shared.length + 1;
        while (end <= first.length && others.every((other) => other.includes(first.slice(begin, end)))) {
            shared = first.slice(begin, end);
            end += 1;
        }
    }
    // Shorter ones are in too much text.
    return shared.length < 6 ? [first, ...others] : [shared];
}

/** Looks through tables, each of them once, for what the rules are about. */
export async function find(client: Client, columns: Rewritable[], { patterns }: Rewriting): Promise<Found[]> {
    const found: Found[] = [];
    for (const [table, its] of grouped(columns, tableOf)) {
        const asked = its.map((column) => conditions(column, patterns));
        const counts = asked.flatMap(({ plain, composed }) => [plain, composed]);
        const { rows } = await client.query<string[]>({
            text: `select ${counts.map((condition) => `count(*) filter (where ${condition})`).join(", ")}
                     from ${table} where ${asked.map(({ possible }) => possible).join(" or ")}`,
            rowMode: "array",
        });
        const [row = []] = rows;
        for (const [at, column] of its.entries()) {
            found.push({ column, plain: Number(row[2 * at]), composed: Number(row[2 * at + 1]) });
        }
    }
    return found.filter(({ plain, composed }) => plain + composed > 0);
}

/**
 * Takes values apart that are composed, and rewrites what is in them. Memory does not grow with the number of rows.
 *
 * @param client in a transaction
 * @param columns of one table
 */
export async function* rewriteComposed(
    client: Client,
    columns: Rewritable[],
    { patterns, rewriter }: Rewriting,
): AsyncGenerator<Changed[]> {
    const [first] = columns;
    if (first === undefined) {
        return;
    }
    const asked = columns.map((column) => conditions(column, patterns));
    const values = asked.map(
        ({ composed, value }, at) =>
            `case when ${composed} then convert_to(${value}, getdatabaseencoding()) end as c${at}`,
    );
    await client.query(
        `declare composed no scroll cursor for select tableoid, ctid, ${values.join(", ")}
           from ${tableOf(first)} where ${asked.map(({ composed }) => composed).join(" or ")}`,
    );
    let many = 16;
    for (;;) {
        const { rows } = await client.query<(string | Buffer | null)[]>({
            text: `fetch ${many} from composed`,
            rowMode: "array",
        });
        if (rows.length === 0) {
            await client.query("close composed");
            return;
        }
        let bytes = 0;
        const changed = rows.flatMap(([oid, place, ...found]): Changed[] => {
            const values = found.map((value, at) => {
                bytes += value?.length ?? 0;
                return value === null ? null : rewriteIn(columns[at] as Rewritable, value as Buffer, rewriter);
            });
            return values.every((value) => value === null)
                ? []
                : [{ class: String(oid), place: String(place), values }];
        });
        many = Math.min(1000, Math.max(1, Math.floor((rows.length * atOnce) / (bytes + 1))));
        if (changed.length > 0) {
            yield changed;
        }
    }
}

/** The value as rewritten; nothing if that is the same. */
function rewriteIn(column: Rewritable, value: Buffer, rewriter: Rewriter): Buffer | null {
    try {
        const rewritten = rewriter.rewrite(value, column.form);
        return rewritten === value ? null : rewritten;
    } catch (error) {
        throw new Error(`${tableName(column)}.${column.name} ${error instanceof Error ? error.message : error}.`);
    }
}

/** What becomes of people's data in a copy, column by column. */
import * as z from "zod";

/** Version of a masking file's shape. */
export const maskingVersion = 1;

/** Rules for columns of text; see docs/masking.md. */
export const textRules = ["hash", "email", "name", "phone"] as const;

const names = ["keep", "null", "unusable", "shuffle", ...textRules] as const;

const rule = z.union(
    [
        z.enum(names),
        z.strictObject({
            /** The same text for every row. */
            fixed: z.string(),
        }),
        z.strictObject({
            /** An expression of SQL over `value`. */
            sql: z.string().min(1),
        }),
    ],
    {
        error: `write ${names.map((name) => (name === "null" ? '"null"' : name)).join(", ")}, { fixed: TEXT } or { sql: EXPRESSION }`,
    },
);
export type Rule = z.infer<typeof rule>;

/** What becomes of a table: of each of its columns, or that all of it stays. */
const table = z.union([z.literal("keep"), z.record(z.string().min(1), rule)], {
    error: "write keep for all of its columns, or a rule for each",
});

/** Tables of a database, by name; with their schema, unless that is `public`. */
export const tableRules = z.record(z.string().min(1), table);
export type TableRules = z.infer<typeof tableRules>;

/** A column with such a name is not kept because its table is: somebody has to say so. */
const password = /passw|pwd|passphrase/i;

/** What becomes of a column, where its table is called so; undefined if nobody has said it. */
export function ruleOf(rules: TableRules, table: string, column: string): Rule | undefined {
    const its = rules[table];
    return typeof its === "object" ? its[column] : its === "keep" && password.test(column) ? undefined : its;
}

/** What the agent has to know to mask a generation. */
export const maskingPlan = z.strictObject({
    /** Where people wrote it, for sentences. */
    file: z.string(),
    /** By live name. Every database that is named here has every column with text in one list or the other. */
    databases: z.record(z.string(), tableRules),
    /** File with the key of stable values. */
    keyFile: z.string(),
    /** Texts that must not be anywhere in the copy afterwards. */
    forbidden: z.array(z.string().min(1)),
});
export type MaskingPlan = z.infer<typeof maskingPlan>;

/** What was masked. */
export const maskReport = z.strictObject({
    /** Columns by `schema.table.column`, each with its rule. */
    columns: z.record(z.string(), z.string()),
    rows: z.number(),
    seconds: z.number(),
});
export type MaskReport = z.infer<typeof maskReport>;

/** What values of a column look like: `count` of `values` that were looked at do. */
const sign = z.strictObject({ looks: z.string(), rule, count: z.number(), values: z.number() });
export type Sign = z.infer<typeof sign>;

/** A rule for each column that can hold text: by database, table and column. What a masking file says goes before it. */
export const proposal = z.strictObject({
    /** The copy that was looked at. */
    generation: z.string(),
    databases: z.record(
        z.string(),
        z.record(z.string(), z.record(z.string(), z.strictObject({ rule, sign: sign.optional() }))),
    ),
});
export type Proposal = z.infer<typeof proposal>;

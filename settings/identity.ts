/** The part of a stack file that says what makes a copy the replica's own and no longer production's. */
import { z } from "zod";
import { patternsOf, rewriteText } from "../contract/rewrite";
import { secretKey } from "./values";

/** A host name with at least one dot, or an address that begins with a scheme; no user, no query, no slash at its end. */
const address = z
    .string()
    .regex(
        /^([a-z][a-z0-9+.-]*:\/\/[a-z0-9_.-]+(:\d+)?(\/[\w.~!$+,;=@-]+)*|[a-z0-9_.-]+(:\d+)?)$/i,
        "write a host name such as shop.example.org, or https:// and one, without a slash at its end; of names that are not ASCII their form xn--…",
    );

const production = address.refine((text) => /^([a-z0-9+.-]+:\/\/)?[^/:]+\.[^/:]+/i.test(text), {
    error: "write a name with a dot: a single word can be anything",
});

/** A folder at least one below another: `/srv` alone can be anything. */
const folder = z.string().regex(/^(\/[\w.~+@-]+){2,}$/);

/** Of two kinds, what is wrong is told of the one that was meant. */
const place = (other: z.ZodType<string>) =>
    z.string().superRefine((text, context) => {
        const result = (text.startsWith("/") ? folder : other).safeParse(text);
        if (!result.success) {
            context.addIssue(
                text.startsWith("/")
                    ? "write a folder below another, such as /srv/shop, without a slash at its end"
                    : (result.error.issues[0]?.message ?? ""),
            );
        }
    });

const rule = z.strictObject({ from: place(production), to: place(address) });

/** A table, with its schema unless that is `public`. */
const table = z.string().min(1);

const value = z.union([z.string(), z.number(), z.boolean(), z.null(), secretKey], {
    error: "write text, a number, true, false, null or { secret, key }",
});

const floor = z.number().int().positive();

const databaseIdentity = z.strictObject({
    /** Columns in which addresses are rewritten, or tables with all of theirs. */
    columns: z.union([z.literal("all"), z.array(table).min(1)], { error: "write all or a list" }).default("all"),
    /** The same, of those in which they are not. */
    except: z.array(table).default([]),
    /** Least next value of every sequence, or of each that is named. */
    sequences: z
        .strictObject({
            floor: z.union([floor, z.record(table, floor)], {
                error: "write a whole number, or SEQUENCE: number pairs",
            }),
        })
        .optional(),
    /** Tables without rows. */
    empty: z.array(table).default([]),
    /** Columns that rows are given. */
    set: z
        .array(
            z.strictObject({
                table,
                columns: z.record(z.string().min(1), value),
                /** SQL; all rows if left out. */
                where: z.string().min(1).optional(),
            }),
        )
        .default([]),
    /** Tables whose rows are taken over from the copy in use. */
    preserve: z.array(z.strictObject({ table, key: z.array(z.string().min(1)).min(1) })).default([]),
});
export type DatabaseIdentitySettings = z.infer<typeof databaseIdentity>;

export const identity = databaseIdentity.extend({
    /** Production's host names, addresses and folders, and what stands in their place in every database. */
    rewrite: z.array(rule).default([]),
    /** What is done to the databases beside the application's, by their names here. */
    others: z.record(z.string().min(1), databaseIdentity).default({}),
});
export type IdentitySettings = z.infer<typeof identity>;

/** What it says that cannot be meant. */
export function identityContradictions({ rewrite, others, ...own }: IdentitySettings, further: string[]): string[] {
    const problems: string[] = [];
    for (const name of Object.keys(others).filter((name) => !further.includes(name))) {
        const known = further.length === 0 ? "there are none" : `write ${further.join(" or ")}`;
        problems.push(`identity.others.${name} is none of database.others: ${known}`);
    }
    for (const [number, { from, to }] of rewrite.entries()) {
        if (kindOf(from) !== kindOf(to)) {
            problems.push(
                `identity.rewrite.${number} makes ${to} of ${from}: write two addresses with a scheme, two host names, or two folders`,
            );
        }
        const again = rewrite.findIndex((other) => rewriteText(to, patternsOf([other])) !== to);
        if (again >= 0) {
            problems.push(
                `identity.rewrite.${number}.to holds ${rewrite[again]?.from}, which identity.rewrite.${again} takes away: ` +
                    "write another name",
            );
        }
        if (rewrite.findIndex((other) => other.from.toLowerCase() === from.toLowerCase()) < number) {
            problems.push(
                `identity.rewrite.${number}.from is ${from}, which a rule before has too: leave one of them out`,
            );
        }
    }
    for (const [path, one] of [["identity", own] as const, ...Object.entries(others).map(otherPath)]) {
        problems.push(...databaseContradictions(path, one));
        if (rewrite.length === 0 && (one.columns !== "all" || one.except.length > 0)) {
            problems.push(`${path} names columns to rewrite, but identity.rewrite has no rule: write from and to`);
        }
    }
    return problems;
}

function otherPath([name, one]: [string, DatabaseIdentitySettings]): readonly [string, DatabaseIdentitySettings] {
    return [`identity.others.${name}`, one];
}

function databaseContradictions(path: string, { empty, set, preserve }: DatabaseIdentitySettings): string[] {
    const gone = set.filter(({ table }) => empty.includes(table));
    const twice = preserve.filter(({ table }, number) => preserve.findIndex((one) => one.table === table) < number);
    return [
        ...gone.map(({ table }) => `${path}.set is about ${table}, which ${path}.empty leaves without rows`),
        ...set.flatMap(({ columns }, number) =>
            Object.keys(columns).length === 0 ? [`${path}.set.${number}.columns is empty: write what is set`] : [],
        ),
        ...twice.map(({ table }) => `${path}.preserve names ${table} twice: leave one of them out`),
    ];
}

function kindOf(text: string): string {
    if (text.startsWith("/")) {
        return "folder";
    }
    return text.includes("://") ? "address" : "name";
}

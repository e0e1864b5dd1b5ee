/** The part of a stack file that says which SQL of its own is run at named points of a refresh. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { hookPoints } from "../contract/hooks";
import { besideStackFile, pathBeside } from "./beside";
import { restored } from "./database";
import { duration, secretKey } from "./values";

/** Bytes of SQL that fit beside the agent into its ConfigMap. */
const largest = 262_144;

/** Name of a value, as part of a setting of PostgreSQL's. */
const valueName = z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,50}$/, "write lower-case letters, digits and underscores: current_setting finds it so");

const hook = z
    .strictObject({
        /** A file with SQL. */
        file: pathBeside.optional(),
        /** SQL, in place of a file. */
        sql: z.string().min(1).optional(),
        /** Name in the replica; the application's database if left out. */
        database: restored.optional(),
        /** Whether all of it happens or nothing. */
        transaction: z.boolean().default(true),
    })
    .refine(({ file, sql }) => (file === undefined) !== (sql === undefined), { error: "write either file or sql" })
    .transform(({ sql = "", ...others }, context) => {
        const { file } = others;
        try {
            return { ...others, sql: file === undefined ? sql : readFileSync(besideStackFile(file), "utf8") };
        } catch (error) {
            const { code } = error as NodeJS.ErrnoException;
            context.addIssue(`file "${file}" cannot be read (${code}): it is looked for in the stack file's folder`);
            return z.NEVER;
        }
    });

/** Hooks in their order. */
export const hookList = z.array(hook).default([]);

/** SQL that is run as the owner of the database, in the order that it has here. */
export const hooks = z.strictObject({
    /** On the new copy, as soon as it is proven to be production's data. */
    afterRestore: hookList,
    /** On the new copy, when all else is done to it. */
    beforeSwitch: hookList,
    /** On the copy that has become the live one. */
    afterSwitch: hookList,
    /** The same, when the application answers. */
    afterStart: hookList,
    /** Values that SQL finds with `current_setting('understudy.<name>')`. */
    variables: z.record(valueName, z.string()).default({}),
    /** The same, out of Secrets. */
    secrets: z.record(valueName, secretKey).default({}),
    /** How long each may take. */
    timeout: duration.prefault("10m"),
});
export type HooksSettings = z.infer<typeof hooks>;

/** What the hooks say that cannot be meant. */
export function hooksContradictions(settings: HooksSettings, databases: string[], isApplied: boolean): string[] {
    const problems: string[] = [];
    for (const point of hookPoints) {
        for (const [number, { database }] of settings[point].entries()) {
            if (database !== undefined && !databases.includes(database)) {
                problems.push(
                    `hooks.${point}.${number}.database is "${database}", which the replica does not have: ` +
                        `write ${databases.join(" or ")}`,
                );
            }
        }
    }
    const bytes = hookPoints
        .flatMap((point) => settings[point])
        .reduce((sum, { sql }) => sum + Buffer.byteLength(sql), 0);
    if (bytes > largest) {
        problems.push(`hooks hold ${bytes} bytes of SQL: write at most ${largest}`);
    }
    for (const name of Object.keys(settings.secrets).filter((name) => name in settings.variables)) {
        problems.push(`hooks.secrets holds ${name}, which hooks.variables sets too: leave one of them out`);
    }
    if (settings.afterStart.length > 0 && !isApplied) {
        problems.push("hooks.afterStart has hooks, but no application is started: write them to afterSwitch");
    }
    return problems;
}

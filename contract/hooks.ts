/** SQL of the stack's own that is run at named points of a refresh. */
import { createHash } from "node:crypto";
import * as z from "zod";

/** When a hook is run, in the order of a refresh; see docs/hooks.md. */
export const hookPoints = ["afterRestore", "beforeSwitch", "afterSwitch", "afterStart"] as const;
export type HookPoint = (typeof hookPoints)[number];

/** The points at which the copies are in use already, and the agent's command that comes to each. */
export const commandAt = { afterSwitch: "switch", afterStart: "smoke" } as const;

/** Prefix of the settings that a hook's values are in: `current_setting('understudy.<name>')`. */
export const hookPrefix = "understudy";

const hook = z.strictObject({
    /** What people call it: its file, or the number of a statement. */
    name: z.string(),
    /** Live name of the database that it is run in. */
    database: z.string(),
    sql: z.string(),
    /** Whether all of it happens or nothing. */
    transaction: z.boolean(),
});
export type Hook = z.infer<typeof hook>;

/** What the agent has to know to run a stack's hooks. */
export const hooksPlan = z.strictObject({
    /** For each point, in their order. */
    at: z.partialRecord(z.enum(hookPoints), z.array(hook)),
    /** Values by name. */
    variables: z.record(z.string(), z.string()),
    /** Files with secret values, by name. */
    secrets: z.record(z.string(), z.string()),
    /** Seconds that one hook may take. */
    timeout: z.number().positive(),
});
export type HooksPlan = z.infer<typeof hooksPlan>;

/** Names the hooks of a point: other hooks have another id, and the same ones the same. Undefined if there are none. */
export function hooksId(plan: HooksPlan | undefined, point: HookPoint): string | undefined {
    const hooks = plan?.at[point] ?? [];
    const named = { hooks, variables: plan?.variables, secrets: Object.keys(plan?.secrets ?? {}) };
    return hooks.length === 0
        ? undefined
        : createHash("sha256").update(JSON.stringify(named)).digest("hex").slice(0, 10);
}

/** Ids of the hooks that a command runs on copies that are in use: none, or one. */
export function hooksOf(command: string, plan: HooksPlan | undefined): string[] {
    const points = (["afterSwitch", "afterStart"] as const).filter((point) => commandAt[point] === command);
    return points.flatMap((point) => hooksId(plan, point) ?? []);
}

/** What a hook has come to. */
export const hookReport = z.strictObject({
    point: z.enum(hookPoints),
    name: z.string(),
    database: z.string(),
    /** Rows that its statements have changed or given. */
    rows: z.number(),
    seconds: z.number(),
});
export type HookReport = z.infer<typeof hookReport>;

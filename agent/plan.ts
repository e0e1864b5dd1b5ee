import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { type Command, planSchema } from "../contract";
import { type BucketsPlan, bucketsSchema } from "../contract/buckets";
import { hooksOf } from "../contract/hooks";
import { mysqlPlanSchema, type ReplicaPlan } from "../contract/mysql";
import { type Publication, publicationSchema } from "../contract/publication";
import { Refusal } from "./refusal";

/** What {@link readPlan} needs to know. */
export interface PlanRequest {
    /** The plan's file. */
    path: string;
    command: Command;
    /** Ids that the plan has to carry, see {@link generationsOf}; not compared if left out. */
    generations?: string[];
    /** Seconds to wait for a plan with these ids: the kubelet may show a stale file for a moment. Default 60. */
    patience?: number;
    signal?: AbortSignal;
}

/**
 * Reads the plan, and reads it again until it carries the ids that the run was started for.
 *
 * @throws {Refusal} when the plan is incomplete, or still is about other generations in the end
 */
export async function readPlan({
    path,
    command,
    generations,
    patience = 60,
    signal,
}: PlanRequest): Promise<ReplicaPlan> {
    const deadline = Date.now() + patience * 1000;
    for (;;) {
        const plan = await readOnce(schemaOf, path);
        const found = generationsOf(command, plan).join(",");
        if (generations === undefined || generations.join(",") === found) {
            return plan;
        }
        if (Date.now() >= deadline) {
            throw new Refusal(
                `The plan ${path} is about generation ${found}, but this run was started for ` +
                    `${generations.join(",")}: run the update again, so that both come from the same settings.`,
            );
        }
        await sleep(Math.min(1000, patience * 1000), undefined, { signal });
    }
}

/** What a command is concerned with: the database's generation, the media's, and the hooks that it runs. */
export function generationsOf(command: Command, { database, media, hooks }: ReplicaPlan): string[] {
    if (command === "prepare-database") {
        return [database.generation];
    }
    if (command === "prepare-media") {
        return [media.generation];
    }
    return [database.generation, media.generation, ...hooksOf(command, hooks)];
}

/**
 * Reads the plan of production's side.
 *
 * @throws {Refusal} when it is incomplete
 */
export async function readPublication(path: string): Promise<Publication> {
    return readOnce(() => publicationSchema, path);
}

/**
 * Reads the plan of bucket copies.
 *
 * @throws {Refusal} when it is incomplete
 */
export async function readBucketsPlan(path: string): Promise<BucketsPlan> {
    return readOnce(() => bucketsSchema, path);
}

/** The shape of a replica's plan. Nothing names PostgreSQL, which was there first. */
export function schemaOf(value: unknown): z.ZodType<ReplicaPlan> {
    const { engine } = (value as { database?: { engine?: unknown } } | null)?.database ?? {};
    return engine === "mysql" ? mysqlPlanSchema : planSchema;
}

async function readOnce<T>(schema: (value: unknown) => z.ZodType<T>, path: string): Promise<T> {
    let text: string;
    try {
        text = await readFile(path, "utf8");
    } catch (error) {
        throw new Refusal(
            `The plan ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): mount it there.`,
        );
    }
    return parse(schema, text, path);
}

/**
 * The plan of a kind in a text.
 *
 * @throws {Refusal} with every problem of the plan in one sentence
 */
export function parsePlan<T>(schema: z.ZodType<T>, text: string, path: string): T {
    return parse(() => schema, text, path);
}

function parse<T>(schema: (value: unknown) => z.ZodType<T>, text: string, path: string): T {
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        throw new Refusal(`The plan ${path} is not JSON: run the update again, which writes it.`);
    }
    return fitting(schema(value), value, `The plan ${path}`);
}

/**
 * The plan of a kind in a value.
 *
 * @param what the plan, for people
 * @throws {Refusal} with every problem of the plan in one sentence
 */
export function fitting<T>(schema: z.ZodType<T>, value: unknown, what = "The plan"): T {
    const result = schema.safeParse(value);
    if (!result.success) {
        const problems = result.error.issues.map(describe).join("; ");
        throw new Refusal(`${what} does not fit this agent: ${problems}. Run the update again, which writes both.`);
    }
    return result.data;
}

function describe(issue: z.core.$ZodIssue): string {
    return `${issue.path.join(".") || "the whole"}: ${issue.message}`;
}

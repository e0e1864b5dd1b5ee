/**
 * The stack file's settings, validated. This is the only reader of Pulumi's configuration: every problem of a stack
 * file is reported in one error, each with its key, what was found and what to write instead. Parts that are long stand
 * in `settings/`.
 */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { Refusal } from "./refusal";
import { application, applicationContradictions } from "./settings/application";
import { database, databaseContradictions } from "./settings/database";
import { identityOf, store } from "./settings/store";
import { duration, label, objectName, size } from "./settings/values";

const tag = z
    .string()
    .regex(/^[\w][\w.-]{0,127}$/, "write an image tag")
    .refine((text) => text !== "latest", "write the tag that production runs; latest names no version");

const schema = z.strictObject({
    source: z.strictObject({
        /** Context of the kubeconfig that production's namespace is looked for on; the target's if left out. */
        context: z.string().min(1).optional(),
        /** Production's namespace, which is only looked at; left out when its cluster cannot be. */
        namespace: label.optional(),
        /** Workload in that namespace whose image tag is production's; without it the tag is not compared. */
        workload: z
            .strictObject({
                kind: z.enum(["Deployment", "StatefulSet"]).default("Deployment"),
                name: label,
                /** Container that runs the application; the first if left out. */
                container: label.optional(),
            })
            .optional(),
        /** What production's server answers to `select system_identifier from pg_control_system()`. */
        systemIdentifier: z
            .string()
            .regex(/^\d{15,20}$/, "write the number in quotes")
            .optional(),
        /** Store with `hourly/backup-<stamp>-<database>.sql.gz`, or `…-dumpall.sql.gz` for whole servers. */
        database: store,
        /** Store with production's files. */
        media: store,
    }),
    target: z.strictObject({
        /** Context of the kubeconfig that the replica is made on. */
        context: z.string().min(1),
        /** Namespace that belongs to this stack alone. */
        namespace: label.optional(),
        /** Whose replica it is, in place of a namespace: it then stands in `stack-<user>-<name>`, and only that user, as the cluster knows them, may deploy it. */
        developer: z.strictObject({ user: label, name: label.default("default") }).optional(),
        /** Storage class of the replica's volumes; the cluster's default if left out. */
        storageClass: z.string().min(1).optional(),
        /** Secret in the namespace, of type kubernetes.io/dockerconfigjson, with which images are pulled. */
        pullSecret: objectName.optional(),
    }),
    image: z.string().min(1),
    imageTag: tag,
    /** Why data may be refreshed under another tag than production's; recorded in the stack's outputs. */
    allowTagMismatch: z.string().min(1).optional(),
    database,
    media: z.strictObject({
        refresh: z.string().default("1"),
        volume: size,
        /** `ReadWriteOnce` puts every pod that mounts the volume on one node. */
        accessMode: z.enum(["ReadWriteMany", "ReadWriteOnce"]).default("ReadWriteMany"),
        /** A source with fewer files is taken for a mount that is missing. */
        minimumFiles: z.number().int().min(1).default(1),
        keepGenerations: z.number().int().min(0).max(10).default(1),
        timeout: duration.prefault("90m"),
    }),
    /** Without it the replica is its data alone. */
    application: application.optional(),
    /** Who holds this replica and why; nothing is changed while it is there. */
    hold: z.string().min(1).optional(),
    /** Whether a replica may begin on a volume that is there from before it, as a wipe keeps them. */
    allowExistingDatabaseVolume: z.boolean().default(true),
    allowExistingMediaVolume: z.boolean().default(true),
    /** Whether a run that fails leaves what it was making, to be looked at until the next one. */
    keepFailed: z.boolean().default(false),
    removeDatabaseVolume: z.boolean().default(true),
    removeMediaVolume: z.boolean().default(false),
});

type Written = z.infer<typeof schema>;

/** A stack file's settings, with defaults filled in, time spans in seconds, and a developer's namespace computed. */
export type Settings = Written & { source: { context: string }; target: { namespace: string } };

/**
 * Reads the settings of the stack that is being run.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export function readSettings(): Settings {
    return parseSettings(pulumi.runtime.allConfig(), pulumi.getProject(), pulumi.getStack());
}

/**
 * Settings from Pulumi's configuration as the engine hands it over: full keys, values as text or JSON.
 *
 * @throws {Refusal} with one sentence for each problem of the stack file
 */
export function parseSettings(config: Record<string, string>, project: string, stack: string): Settings {
    const found = Object.fromEntries(
        Object.entries(config)
            .filter(([key]) => key.startsWith(`${project}:`))
            .map(([key, text]) => [key.slice(project.length + 1), fromText(text)]),
    );
    const result = schema.safeParse(found, { reportInput: true });
    const settings = result.success ? filledIn(result.data) : undefined;
    const problems = settings ? contradictions(settings) : (result.error?.issues.flatMap(describe) ?? []);
    if (problems.length > 0 || settings === undefined) {
        const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
        throw new Refusal(
            [`Pulumi.${stack}.yaml has ${count}:`, ...problems.map((text) => `  ${project}:${text}`)].join("\n"),
        );
    }
    return Object.freeze(settings);
}

/** A developer's namespace follows from whose it is; an empty one is a contradiction. */
function filledIn(settings: Written): Settings {
    const { source, target } = settings;
    const { context, namespace, developer } = target;
    const computed = developer === undefined ? "" : `stack-${developer.user}-${developer.name}`;
    return {
        ...settings,
        source: { ...source, context: source.context ?? context },
        target: { ...target, namespace: namespace ?? computed },
    };
}

/** What a stack file says in two places that cannot both be meant. */
function contradictions({ source, target, database, application }: Settings): string[] {
    const problems = [
        ...databaseContradictions(database),
        ...(application === undefined ? [] : applicationContradictions(application)),
    ];
    const computed = `stack-${target.developer?.user}-${target.developer?.name}`;
    if (target.namespace === "") {
        problems.push(
            "target.namespace is missing: write the replica's namespace, or target.developer for a developer's",
        );
    } else if (target.developer !== undefined && target.namespace !== computed) {
        problems.push(
            `target.namespace is "${target.namespace}", but target.developer makes it ${computed}: leave one of them out`,
        );
    } else if (target.namespace.length > 63) {
        problems.push(
            `target.developer makes the namespace ${target.namespace}, which is longer than 63: write a shorter name`,
        );
    }
    if (source.namespace === target.namespace && source.context === target.context) {
        problems.push(
            `target.namespace is "${target.namespace}", which is production's own: write a namespace for the replica alone`,
        );
    }
    if (identityOf(source.database) === identityOf(source.media)) {
        problems.push(
            "source.media is the same store as source.database: write the store that holds production's files",
        );
    }
    if (source.workload !== undefined && source.namespace === undefined) {
        problems.push("source.workload is in no namespace: write source.namespace");
    }
    if (source.context !== target.context && source.namespace === undefined) {
        problems.push(
            "source.context is where production's namespace is looked at: write source.namespace, or leave it out",
        );
    }
    return problems;
}

/** Pulumi hands over every value as text; lists, objects, numbers and booleans are JSON in it. */
function fromText(text: string): unknown {
    if (!/^([[{]|(true|false)$)/.test(text)) {
        return text;
    }
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

/** One sentence for each thing that one issue of zod stands for. */
function describe(issue: z.core.$ZodIssue): string[] {
    const at = issue.path.map(String).join(".");
    if (issue.code === "unrecognized_keys") {
        const known = Object.keys(shapeAt(issue.path));
        return issue.keys.map((key) => {
            const like = nearest(key, known);
            const advice = like === undefined ? `known here: ${known.join(", ")}` : `did you mean ${like}?`;
            return `${[...issue.path, key].join(".")} is not a setting; ${advice}`;
        });
    }
    if (issue.code === "invalid_type" && issue.input === undefined) {
        return [`${at} is missing: write ${expectation(issue.expected)}`];
    }
    if (issue.code === "invalid_key") {
        return [`${at}: ${issue.issues.map(({ message }) => message).join(", ")}`];
    }
    const saw = typeof issue.input === "object" ? "" : ` is ${JSON.stringify(issue.input)}`;
    if (issue.code === "invalid_type") {
        return [`${at}${saw || " is not of that kind"}: write ${expectation(issue.expected)}`];
    }
    if (issue.code === "invalid_value") {
        return [`${at}${saw}: write ${issue.values.join(" or ")}`];
    }
    if (issue.code === "too_small") {
        const least: Record<string, string> = { string: "some text", array: "at least one entry" };
        return [`${at}${saw}: write ${least[issue.origin] ?? `at least ${issue.minimum}`}`];
    }
    if (issue.code === "too_big") {
        return [`${at}${saw}: write at most ${issue.maximum}`];
    }
    return [`${at}${saw}: ${issue.message}`];
}

function expectation(type: string): string {
    const words: Record<string, string> = {
        string: "text (numbers in quotes)",
        number: "a number",
        int: "a whole number",
        boolean: "true or false",
        array: "a list",
        object: "its settings below it",
        record: "NAME: value pairs",
    };
    return words[type] ?? type;
}

/** The settings that are known at a path of the schema. */
function shapeAt(path: PropertyKey[]): Record<string, unknown> {
    let type: unknown = schema;
    for (const key of path) {
        type = type instanceof z.ZodRecord ? type.valueType : shapeOf(type)[String(key)];
        while (type instanceof z.ZodOptional || type instanceof z.ZodDefault || type instanceof z.ZodPrefault) {
            type = type.unwrap();
        }
    }
    return shapeOf(type);
}

function shapeOf(type: unknown): Record<string, unknown> {
    return type instanceof z.ZodObject ? type.shape : {};
}

/** The known name that differs least from what was written, if it is near enough to have been meant. */
function nearest(word: string, known: string[]): string | undefined {
    const ranked = known
        .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
        .sort((a, b) => a.distance - b.distance);
    const best = ranked[0];
    return best !== undefined && best.distance <= Math.max(2, word.length / 3) ? best.name : undefined;
}

/** Levenshtein's distance: insertions, deletions and replacements from one word to the other. */
function editDistance(a: string, b: string): number {
    let row = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let i = 1; i <= a.length; i++) {
        const next = [i];
        for (let j = 1; j <= b.length; j++) {
            const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
            next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
        }
        row = next;
    }
    return row[b.length] ?? 0;
}

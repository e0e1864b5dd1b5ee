/**
 * What two agents say to each other when one copies a folder of the other's machine. Whoever copies asks, a line at a time;
 * the other answers in frames, as `agent/transfer/frames.ts` has them.
 */
import * as z from "zod";

/** What the agent has to know to serve a folder: what is left out there, does not travel. */
export const servingPlan = z.strictObject({
    folder: z.string(),
    exclude: z.array(z.string()),
    links: z.enum(["refuse", "keep"]),
    owners: z.enum(["agent", "production"]),
    sentinel: z.string().optional(),
});
export type ServingPlan = z.infer<typeof servingPlan>;

/** A path that stays below the root, in Latin-1. */
const path = z.string().refine((text) => !text.split("/").some((part) => ["", ".", ".."].includes(part)), {
    error: "leads elsewhere",
});

/** A question; no other one comes before its answer has ended. */
export const ask = z.discriminatedUnion("ask", [
    z.strictObject({
        ask: z.literal("begin"),
        /** Seconds to wait for production's side. */
        patience: z.number(),
        /** The machine that asks, as its kernel calls itself, and its volume. */
        machine: z.string(),
        volume: z.string(),
    }),
    z.strictObject({ ask: z.literal("entries") }),
    z.strictObject({ ask: z.literal("manifest") }),
    z.strictObject({ ask: z.literal("root") }),
    z.strictObject({ ask: z.literal("overtaken") }),
    /** The contents of files, one after the other. */
    z.strictObject({ ask: z.literal("contents"), paths: z.array(path) }),
    /** There are no more questions. */
    z.strictObject({ ask: z.literal("close") }),
]);
export type Ask = z.infer<typeof ask>;

const place = { path, mode: z.number(), uid: z.number(), gid: z.number(), mtime: z.number() };
const entry = z.discriminatedUnion("kind", [
    z.strictObject({ ...place, kind: z.literal("folder") }),
    z.strictObject({ ...place, kind: z.literal("link"), target: z.string() }),
    z.strictObject({
        ...place,
        kind: z.literal("file"),
        size: z.number(),
        disk: z.number(),
        ino: z.number().optional(),
        inode: z.string().optional(),
    }),
]);

const known = z.strictObject({
    path,
    size: z.number(),
    mtime: z.number(),
    ino: z.number().optional(),
    sha256: z.string().optional(),
});

/** A part of an answer. Of a file, its bytes come behind `file`. */
export const answer = z.discriminatedUnion("answer", [
    z.strictObject({ answer: z.literal("entries"), entries: z.array(entry) }),
    z.strictObject({ answer: z.literal("objection"), path: z.string(), reason: z.string() }),
    z.strictObject({ answer: z.literal("known"), files: z.array(known) }),
    z.strictObject({ answer: z.literal("file"), path }),
    /** The file's end: what it was when it was read, and whether it was the same all the while. */
    z.strictObject({
        answer: z.literal("read"),
        size: z.number(),
        mtime: z.number(),
        sha256: z.string(),
        same: z.boolean(),
    }),
    z.strictObject({ answer: z.literal("gone"), path }),
    /** The last part of each answer, unless it is one of the next two. */
    z.strictObject({
        answer: z.literal("end"),
        published: z.string().optional(),
        overtaken: z.boolean().optional(),
        /** Whether there is what was asked for. */
        there: z.boolean().optional(),
        root: z.strictObject({ ...place, path: z.literal(""), kind: z.literal("folder") }).optional(),
    }),
    z.strictObject({ answer: z.literal("refused"), reason: z.string() }),
    z.strictObject({ answer: z.literal("failed"), reason: z.string() }),
]);
export type Answer = z.infer<typeof answer>;
/** A last part. */
export type AnswerEnd = Extract<Answer, { answer: "end" }>;

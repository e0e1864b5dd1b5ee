/** What a Job tells programs on its log, a line each. */
import * as z from "zod";
import { generationIdText } from "../contract";
import { references } from "./report";
import { databaseFound, mediaFound } from "./survey";

/** How far a phase is. */
const progress = z.strictObject({
    event: z.literal("progress"),
    phase: z.string(),
    /** Whole percent; absent while nobody knows how much there is. */
    percent: z.number().optional(),
    /** What was done so far, and in a second on average. */
    done: z.number(),
    rate: z.number(),
    unit: z.enum(["row", "file", "byte"]),
    /** Files so far, where bytes are what is counted. */
    files: z.number().optional(),
    /** Seconds that the rest will take if it goes on like this. */
    left: z.number().optional(),
});
export type Progress = z.infer<typeof progress>;

/** What a switch leaves on its log: what is live from now on. */
const live = z.strictObject({
    event: z.literal("live"),
    database: databaseFound,
    /** Without a time and a report if the media are production's own. */
    media: mediaFound,
    /** Absent if nobody asked for it. */
    references: references.optional(),
    /** The other complete copies of the database that were there then; `retire` may have removed some since. */
    kept: z.array(generationIdText),
    /**
     * Bytes that were left then: under the replica's own server, unless nobody tells its size, and on the volume for
     * copies of the media, if there is one.
     */
    room: z.strictObject({ database: z.number().optional(), media: z.number().optional() }),
});
export type Live = z.infer<typeof live>;

/** A line of a Job's log that is for programs, as JSON. Every other line is a sentence for people. */
export const agentEvent = z.discriminatedUnion("event", [
    z.strictObject({ event: z.literal("begun"), phase: z.string() }),
    z.strictObject({ event: z.literal("ended"), phase: z.string(), seconds: z.number() }),
    progress,
    live,
]);
export type AgentEvent = z.infer<typeof agentEvent>;

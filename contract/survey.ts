/** What the agent finds when it only looks. */
import * as z from "zod";
import { generationIdText } from "../contract";
import { caughtMail } from "./mail";
import { databaseReport, mediaReport } from "./report";

/** A generation of the database, as the server's own table has it. */
export const databaseFound = z.strictObject({
    id: generationIdText,
    state: z.enum(["preparing", "proven", "live", "former"]),
    /** When it last became the live one, as ISO time; null if it never was. */
    switched: z.string().nullable(),
    /** Milliseconds that nobody could connect when it last became the live one; null if that is not known. */
    awayMs: z.number().nullable(),
    /** Of the application's database. */
    report: databaseReport.nullable(),
    /** Of the databases beside it. */
    others: z.array(z.strictObject({ name: z.string(), report: databaseReport.nullable() })),
});

/** A generation of the media: `completed` is an ISO time; both are null for what an interrupted copy has left. */
export const mediaFound = z.strictObject({
    id: generationIdText,
    completed: z.string().nullable(),
    report: mediaReport.nullable(),
});

/** What the agent finds when it looks around and changes nothing; the newest first everywhere. */
export const surveySchema = z.strictObject({
    /** Backups that hold all of the plan's databases. `bytes` as stored, `age` in seconds since the stamp. */
    backups: z.array(z.strictObject({ stamp: z.string(), bytes: z.number(), age: z.number() })),
    databases: z.array(databaseFound),
    /** Untouched copies that the next generation of the same backup is cloned from; null of an unfinished one. */
    bases: z.array(
        z.strictObject({ id: generationIdText, stamp: z.string().nullable(), bytes: z.number().nullable() }),
    ),
    media: z.array(mediaFound),
    /** What the mail sink has caught; left out where there is none, or none that keeps anything. */
    mail: caughtMail.optional(),
    /** Sentences about what could not be looked at. */
    problems: z.array(z.string()),
});
export type Survey = z.infer<typeof surveySchema>;

/** The part of a stack file that says what becomes of people's data: a file beside it, which says so of every column with text. */
import { readFileSync } from "node:fs";
import yaml from "js-yaml";
import { z } from "zod";
import { maskingVersion, tableRules } from "../contract/masking";
import { besideStackFile, pathBeside } from "./beside";
import { describe } from "./problems";

/** The file: rules for tables, by the databases' names in the replica. */
const maskingFile = z.strictObject({
    version: z.number(),
    databases: z.record(z.string().min(1), tableRules),
});

export const masking = z
    .strictObject({
        file: pathBeside,
        /** Texts that must be nowhere in a copy, whatever the rules are. */
        forbidden: z.array(z.string().min(1)).default([]),
    })
    .transform((written, context) => {
        const { problems, databases } = readMasking(written.file);
        for (const problem of problems) {
            context.addIssue(`${written.file}: ${problem}`);
        }
        return problems.length > 0 ? z.NEVER : { ...written, databases };
    });
export type MaskingSettings = z.infer<typeof masking>;

function readMasking(file: string): { problems: string[]; databases: z.infer<typeof maskingFile>["databases"] } {
    const nothing = (...problems: string[]) => ({ problems, databases: {} });
    let written: unknown;
    try {
        written = yaml.load(readFileSync(besideStackFile(file), "utf8")) ?? {};
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return nothing(
            code === undefined ? `it is no YAML (${message.split("\n")[0]})` : `it cannot be read (${code})`,
        );
    }
    const { version } = written as { version?: unknown };
    if (typeof version === "number" && version > maskingVersion) {
        return nothing(`it is of version ${version}, and this understudy knows ${maskingVersion}: use the newer one`);
    }
    const result = maskingFile.safeParse(written, { reportInput: true });
    return result.success
        ? { problems: [], databases: result.data.databases }
        : nothing(...result.error.issues.flatMap((issue) => describe(issue, maskingFile)));
}

/** What it says that cannot be meant. */
export function maskingContradictions({ file, databases }: MaskingSettings, known: string[]): string[] {
    const [strange, missing] = [
        Object.keys(databases).filter((name) => !known.includes(name)),
        known.filter((name) => !(name in databases)),
    ];
    return [
        ...strange.map(
            (name) => `masking.file ${file} has rules for database ${name}, which the replica does not have: remove it`,
        ),
        ...missing.map((name) => `masking.file ${file} says nothing of database ${name}: add it below databases`),
    ];
}

import { createHash } from "node:crypto";
import type { ZodType } from "zod";
import type { Plan } from "../../contract";
import { type BackupFacts, type DumpedDatabase, type Manifest, manifestVersion } from "../../contract/manifest";
import { Refusal } from "../refusal";
import { formatBytes, plural } from "../report";
import type { Backup } from "./catalogue";
import { sha256In } from "./hash";

/** SHA-256 of each file of a backup, by the name that its manifest has for it. */
export type Hashes = Map<string, string>;

/** More than a manifest of a hundred thousand tables has. */
const longest = 64 * 2 ** 20;

/**
 * Reads the manifest beside a backup, and compares what can be compared before anything is made.
 *
 * @param expected what it has to say besides the backup's own name, stamp and subject
 * @returns nothing if there is none
 * @throws {Refusal} when it cannot be understood, or is about another backup than the one that stands there
 */
export async function readManifest<T extends BackupFacts>(
    backup: Backup,
    schema: ZodType<T>,
    expected: Partial<T> = {},
): Promise<T | undefined> {
    if (backup.manifest === undefined) {
        return undefined;
    }
    const { path } = backup.manifest;
    const manifest = parseManifest(await textOf(backup.manifest), path, schema);
    const found: Partial<T> = { backup: backup.name, stamp: backup.stamp, subject: backup.subject, ...expected };
    for (const key of Object.keys(found) as (keyof T & string)[]) {
        if (manifest[key] !== found[key]) {
            throw mismatch(path, `it says ${key} ${manifest[key]}, and beside it stands ${found[key]}`);
        }
    }
    const files = new Map((backup.folder ?? [backup]).map(({ name, bytes }) => [name, bytes]));
    for (const [name, { bytes }] of Object.entries(manifest.files)) {
        const there = files.get(name);
        if (there !== bytes) {
            const seen = there === undefined ? "is not there" : `has ${formatBytes(there)} (${there})`;
            throw mismatch(path, `${name} ${seen}, and it should have ${formatBytes(bytes)} (${bytes})`);
        }
        files.delete(name);
    }
    const [more] = files.keys();
    if (more !== undefined) {
        throw mismatch(path, `it does not know the file ${more}`);
    }
    return manifest;
}

/**
 * Data belongs to the version that wrote it.
 *
 * @throws {Refusal} when production ran another version, as far as the manifest and the plan tell
 */
export function refuseOtherTag(
    { imageTag, allowTagMismatch }: Pick<Plan, "imageTag" | "allowTagMismatch">,
    { name }: Backup,
    facts: BackupFacts | undefined,
): void {
    const isKnown = imageTag !== "" && facts?.imageTag !== undefined;
    if (isKnown && facts.imageTag !== imageTag && !allowTagMismatch) {
        throw new Refusal(
            `Data is refreshed under tag ${imageTag}, but production ran ${facts.imageTag} when ${name} was made: set ` +
                "imageTag to that (a candidate is deployed afterwards), or write the reason why this may differ to " +
                "allowTagMismatch.",
        );
    }
}

/**
 * Compares the content of a backup's files with its manifest.
 *
 * @returns what that proves
 * @throws {Error} one sentence for the first file that differs
 */
export function proveFiles({ manifest }: Backup, { files }: BackupFacts, hashes: Hashes): string {
    for (const [name, { sha256 }] of Object.entries(files)) {
        if (hashes.get(name) !== sha256) {
            throw new Error(
                `The file ${name} is not what production wrote: its SHA-256 is ${hashes.get(name)}, and the manifest ` +
                    `${manifest?.path} names ${sha256}. Make a new backup, or set database.backup to another stamp.`,
            );
        }
    }
    return `${plural(hashes.size, "file")} with the SHA-256 that the manifest names`;
}

/**
 * What a manifest says of one database.
 *
 * @throws {Error} when it does not know it
 */
export function databaseOf({ backup, databases }: Manifest, name: string): DumpedDatabase {
    const found = databases[name];
    if (found === undefined) {
        throw new Error(`The manifest of ${backup} does not know database ${name}: make a new backup.`);
    }
    return found;
}

/** SHA-256 of every file of a backup; those that are known are not read again. */
export async function hashFiles(backup: Backup, signal?: AbortSignal, known: Hashes = new Map()): Promise<Hashes> {
    const hashes: Hashes = new Map(known);
    for (const file of backup.folder ?? [backup]) {
        if (!hashes.has(file.name)) {
            hashes.set(file.name, await sha256In(backup.open(file), signal));
        }
    }
    return hashes;
}

/** One SHA-256 for all files: a file's own, or that of the lines `<SHA-256>  <name>` of a folder's files in their order. */
export function hashOf({ folder }: Backup, hashes: Hashes): string {
    const lines = [...hashes].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, hash]) => `${hash}  ${name}\n`);
    const [only = ""] = hashes.values();
    return folder === undefined ? only : createHash("sha256").update(lines.join("")).digest("hex");
}

function parseManifest<T>(text: string, path: string, schema: ZodType<T>): T {
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        throw new Refusal(
            `The manifest ${path} is torn: it is not JSON. If it is still being written, wait; else make a new backup, ` +
                "or set database.backup to another stamp.",
        );
    }
    const version = (value as { version?: unknown } | null)?.version;
    if (version !== manifestVersion) {
        throw new Refusal(
            `The manifest ${path} is of version ${version}, and this understudy reads version ${manifestVersion}: ` +
                "let production's side and this stack run the same version of understudy.",
        );
    }
    const result = schema.safeParse(value);
    if (!result.success) {
        const problems = result.error.issues
            .slice(0, 3)
            .map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`);
        throw new Refusal(`The manifest ${path} is not one (${problems.join("; ")}): make a new backup.`);
    }
    return result.data;
}

function mismatch(path: string, difference: string): Refusal {
    return new Refusal(
        `The manifest ${path} does not fit its backup: ${difference}. If the backup is still being written, wait; ` +
            "else make a new one, or set database.backup to another stamp.",
    );
}

async function textOf({ path, open }: NonNullable<Backup["manifest"]>): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
        for await (const chunk of open()) {
            chunks.push(chunk as Buffer);
            size += chunk.length;
            if (size > longest) {
                throw new Error(`it has more than ${formatBytes(longest)}`);
            }
        }
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        throw new Refusal(`The manifest ${path} cannot be read (${code ?? message}): let the agent's user read it.`);
    }
    return Buffer.concat(chunks).toString();
}

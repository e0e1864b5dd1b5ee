import { type MysqlManifest, mysqlManifestSchema, mysqlManifestVersion } from "../../contract/mysql";
import type { Backup } from "../backup/catalogue";
import { Refusal } from "../refusal";
import { formatBytes } from "../report";

/** More than a manifest of a hundred thousand tables has. */
const longest = 64 * 2 ** 20;

/**
 * Reads the manifest beside a backup, and compares what can be compared before anything is made.
 *
 * @returns nothing if there is none
 * @throws {Refusal} when it cannot be understood, or is about another backup than the one that stands there
 */
export async function readManifest(backup: Backup): Promise<MysqlManifest | undefined> {
    if (backup.manifest === undefined) {
        return undefined;
    }
    const { path } = backup.manifest;
    const manifest = parse(await textOf(backup.manifest), path);
    const found = { backup: backup.name, stamp: backup.stamp, subject: backup.subject, bytes: backup.bytes };
    for (const key of ["backup", "stamp", "subject", "bytes"] as const) {
        if (manifest[key] !== found[key]) {
            throw new Refusal(
                `The manifest ${path} does not fit its backup: it says ${key} ${manifest[key]}, and beside it stands ` +
                    `${found[key]}. If the backup is still being written, wait; else make a new one, or set ` +
                    "database.backup to another stamp.",
            );
        }
    }
    return manifest;
}

function parse(text: string, path: string): MysqlManifest {
    let value: unknown;
    try {
        value = JSON.parse(text);
    } catch {
        throw new Refusal(
            `The manifest ${path} is torn: it is not JSON. If it is still being written, wait; else make a new backup, ` +
                "or set database.backup to another stamp.",
        );
    }
    const { data, error } = mysqlManifestSchema.safeParse(value);
    if (data === undefined) {
        const problems = error.issues
            .slice(0, 3)
            .map((issue) => `${issue.path.join(".") || "the whole"}: ${issue.message}`);
        throw new Refusal(
            `The manifest ${path} is not one of MySQL in version ${mysqlManifestVersion} (${problems.join("; ")}): make a new ` +
                "backup, with the same version of understudy on production's side.",
        );
    }
    return data;
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

import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ScanPlan } from "../../contract/configuration";
import { Refusal } from "../refusal";
import { plural } from "../report";
import { readTexts } from "./texts";

/** Places that are told of; there may be any number. */
const some = 5;

/**
 * Looks through folders for texts that may not be there. Links are not followed.
 *
 * @returns a sentence
 * @throws {Refusal} that names where they are, and not what they are
 */
export async function scanFolders(plan: ScanPlan, signal: AbortSignal): Promise<string> {
    const texts = await readTexts(plan.forbiddenFile);
    const except = new Set(plan.except);
    const found: string[] = [];
    let files = 0;
    for (const folder of plan.folders) {
        for await (const path of filesIn(folder)) {
            signal.throwIfAborted();
            if (!except.has(path)) {
                files += 1;
                found.push(...(await linesWith(path, texts)));
            }
        }
    }
    if (found.length > 0) {
        throw new Refusal(
            `What forbidden names is in ${describePlaces(found)}: leave such a file out (exclude), or write it anew (files).`,
        );
    }
    return `Nothing forbidden is in ${plural(files, "file")}.`;
}

/** Where something is, for people. */
export function describePlaces(found: string[]): string {
    const more = found.length > some ? ` and ${found.length - some} more places` : "";
    return `${found.slice(0, some).join(", ")}${more}`;
}

/**
 * The places in a file where one of the texts is.
 *
 * @returns each as path and line
 */
export async function linesWith(path: string, texts: Buffer[]): Promise<string[]> {
    const lines = await linesIn(createReadStream(path), texts);
    return lines.map((number) => `${path} line ${number}`);
}

/** Numbers of the lines in which one of the texts is. */
export async function linesIn(chunks: AsyncIterable<Buffer>, texts: Buffer[]): Promise<number[]> {
    const longest = Math.max(0, ...texts.map(({ length }) => length));
    const lines = new Set<number>();
    let rest: Buffer = Buffer.alloc(0);
    let line = 1;
    for await (const chunk of chunks) {
        const bytes = Buffer.concat([rest, chunk]);
        for (const text of texts) {
            for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
                lines.add(line + newlines(bytes.subarray(0, at)));
            }
        }
        // A text may go on in the next piece.
        const done = Math.max(0, bytes.length - longest + 1);
        line += newlines(bytes.subarray(0, done));
        rest = bytes.subarray(done);
    }
    return [...lines].sort((a, b) => a - b);
}

function newlines(bytes: Buffer): number {
    let count = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
        count += 1;
    }
    return count;
}

/** Every file below a folder. Links are not followed. */
export async function* filesIn(folder: string): AsyncGenerator<string> {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
            yield* filesIn(path);
        } else if (entry.isFile()) {
            yield path;
        }
    }
}

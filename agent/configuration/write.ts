import { link, lstat, open, readFile, rename, rm } from "node:fs/promises";
import type { ConfigurationFile, ConfigurationPlan } from "../../contract/configuration";
import { anyWord, say } from "../attended";
import { unlessAbsent } from "../media/failure";
import { writeDurably } from "../media/volume";
import { describePlaces, linesWith } from "./scan";
import { readTexts } from "./texts";

/** What a file is called before it is in its place, and what it was before. */
const aside = (path: string) => `${path}.understudy-new`;
const former = (path: string) => `${path}.understudy-former`;

/** What is to be done for a file that was written, if it is not to stay. */
interface Written {
    path: string;
    /** Whether there was one before. */
    had: boolean;
    inCopy: boolean;
}

/**
 * Writes configuration files, all of them or none, and waits for the word that they stay. Without it, or if one of them
 * holds what it may not, everything is put back as it was.
 *
 * @param input what whoever attends says
 * @returns a sentence
 * @throws {Error} when one cannot be written, or holds what is forbidden, after all were put back
 */
export async function writeFiles(plan: ConfigurationPlan, input: AsyncIterable<Buffer>): Promise<string> {
    const { files, journal } = plan;
    await putBack(journal);
    const paths = files.map(({ path }) => path).join(", ");
    try {
        for (const file of files) {
            await prepare(file);
        }
        const written = await Promise.all(
            files.map(async ({ path, inCopy }) => ({ path, inCopy, had: await isThere(path) })),
        );
        await writeDurably(journal, JSON.stringify({ kept: false, files: written } satisfies Journal));
        for (const { path, had } of written) {
            await rm(former(path), { force: true });
            await (had ? link(path, former(path)) : undefined);
            await rename(aside(path), path);
        }
        await refuseForbidden(plan);
        await say(JSON.stringify({ event: "written" }));
        if (await anyWord(input)) {
            await writeDurably(journal, JSON.stringify({ kept: true, files: written } satisfies Journal));
            await putBack(journal);
            return `Written: ${paths}.`;
        }
    } catch (error) {
        await clear(files);
        await putBack(journal);
        throw error;
    }
    await putBack(journal);
    return `Put back as it was: ${paths}.`;
}

/** What is to be done by whoever comes after a run that was killed. */
interface Journal {
    /** Whether what was written stays. */
    kept: boolean;
    files: Written[];
}

/** Writes a file where nobody reads it, and nobody else may. */
async function prepare({ path, textFile, owner, group, mode }: ConfigurationFile): Promise<void> {
    try {
        await rm(aside(path), { force: true });
        const file = await open(aside(path), "wx", 0o600);
        try {
            await file.writeFile(await readFile(textFile));
            if (owner !== undefined || group !== undefined) {
                const { uid, gid } = await file.stat();
                await file.chown(owner ?? uid, group ?? gid);
            }
            await file.chmod(mode);
            await file.sync();
        } finally {
            await file.close();
        }
    } catch (error) {
        const { code, syscall } = error as NodeJS.ErrnoException;
        const advice =
            syscall === "fchown"
                ? "let the agent log in as root, or leave out owner and group"
                : "make its folder, and let the agent's user write there";
        throw new Error(`The configuration file ${path} cannot be written (${code}, ${syscall}): ${advice}.`);
    }
}

/** Takes away what was prepared and is not in its place. */
async function clear(files: ConfigurationFile[]): Promise<void> {
    for (const { path } of files) {
        await rm(aside(path), { force: true }).catch(() => undefined);
    }
}

/** Everything as it was before, unless it is to stay; also what a run has left that was killed. */
async function putBack(journal: string): Promise<void> {
    const { kept, files } = await readJournal(journal);
    for (const { path, had, inCopy } of files) {
        await rm(aside(path), { force: true });
        if (had && !kept) {
            await rename(former(path), path).catch(unlessAbsent);
        } else if (!kept && !inCopy) {
            await rm(path, { force: true });
        }
        // Of two names of one file, a move leaves both.
        await rm(former(path), { force: true });
    }
    await rm(journal, { force: true });
}

async function readJournal(journal: string): Promise<Journal> {
    const text = await readFile(journal, "utf8").catch(unlessAbsent);
    return text === undefined ? { kept: true, files: [] } : (JSON.parse(text) as Journal);
}

async function isThere(path: string): Promise<boolean> {
    return (await lstat(path).catch(unlessAbsent)) !== undefined;
}

async function refuseForbidden({ files, forbiddenFile }: ConfigurationPlan): Promise<void> {
    const texts = await readTexts(forbiddenFile);
    const found: string[] = [];
    for (const { path } of files) {
        found.push(...(await linesWith(path, texts)));
    }
    if (found.length > 0) {
        throw new Error(`What forbidden names is in ${describePlaces(found)}: correct the template.`);
    }
}

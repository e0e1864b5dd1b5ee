import { stat } from "node:fs/promises";
import { tiers } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { sha256Of } from "../backup/hash";
import { formatBytes, Phases, plural } from "../report";
import { filesOf, mark, type Published, readTier } from "./tier";

/**
 * Reads every file of every manifest again and compares its hash. Nothing is changed but the mark of what has rotted.
 *
 * @returns a sentence on what was read
 * @throws {Error} that names every file that is missing or differs
 */
export async function verifyStore({ store }: Publication, signal: AbortSignal): Promise<string> {
    const all = (await Promise.all(tiers.map((tier) => readTier(store, tier)))).flat();
    // Promoted backups share their files with those that they come from.
    const hashes = new Map<string, string>();
    let read = 0;
    const rotten: string[] = [];
    await new Phases().run("verify", async (watch) => {
        watch(() => ({ done: read, unit: "byte" }));
        for (const one of all) {
            const problems = await problemsOf(one);
            if (problems.length === 0 || (await stillThere(one))) {
                await mark(store, one, problems);
                rotten.push(...problems);
            }
        }
    });
    if (rotten.length > 0) {
        throw new Error(
            `Of ${plural(all.length, "backup")} in ${store}, these files are not as they were made: ` +
                `${rotten.join("; ")}. Their backups are marked, and no longer count as good: look at the disk under the store.`,
        );
    }
    return `All ${plural(all.length, "backup")} in ${store} are as they were made: ${formatBytes(read)} read and compared.`;

    async function problemsOf(one: Published): Promise<string[]> {
        if (one.manifest === undefined) {
            return [`${one.tier}/${one.stem}.json cannot be understood`];
        }
        const problems: string[] = [];
        for (const { name, path, bytes, sha256 } of filesOf(store, one)) {
            const found = await hashOf(path, bytes).catch((error: NodeJS.ErrnoException) => {
                signal.throwIfAborted();
                return error.code === "ENOENT" ? "missing" : `unreadable (${error.code})`;
            });
            if (found !== sha256) {
                problems.push(`${name} ${/^[0-9a-f]{64}$/.test(found) ? "differs" : `is ${found}`}`);
            }
        }
        return problems;
    }

    async function hashOf(path: string, bytes: number): Promise<string> {
        const { dev, ino } = await stat(path);
        const known = hashes.get(`${dev}:${ino}`);
        if (known !== undefined) {
            return known;
        }
        const hash = await sha256Of(path, signal);
        hashes.set(`${dev}:${ino}`, hash);
        read += bytes;
        return hash;
    }

    /** The schedule may have removed it meanwhile. */
    async function stillThere({ tier, stem }: Published): Promise<boolean> {
        return (await readTier(store, tier)).some((other) => other.stem === stem);
    }
}

import { join } from "node:path";
import { type Run, startAgent } from "./agent";
import { folderOn, type Order } from "./order";
import type { Ways } from "./way";

/**
 * Looks through folders for what may not be there.
 *
 * @throws {Refusal} when it is
 */
export async function refuseForbidden(order: Order, ways: Ways): Promise<void> {
    const { scan, target } = order;
    if (scan !== undefined) {
        await startAgent(order, ways, { host: target.host, command: "scan-folders", ...scan }).ended;
    }
}

/**
 * Writes the configuration files on every host that has some.
 *
 * @param written the runs that have, or are about to: they wait for the word that the files stay
 * @throws {Error} when one cannot be written, or holds what it may not
 */
export async function writeFiles(order: Order, ways: Ways, written: Run[]): Promise<void> {
    for (const { host, plan, secrets } of order.files) {
        const whole = { ...plan, journal: join(folderOn(order, host), "files.json") };
        const run = startAgent(order, ways, { host, command: "write-files", plan: whole, secrets });
        // Whoever waits for it is told later.
        run.ended.catch(() => undefined);
        written.push(run);
        if ((await run.event("written")) === undefined) {
            await run.ended;
            throw new Error(`Host ${host} has written nothing: run again.`);
        }
    }
}

/** Lets the files stay. Returns what each host says. */
export async function keepFiles(written: Run[]): Promise<string[]> {
    for (const run of written) {
        run.input.write("keep\n");
    }
    const sentences = await Promise.all(written.map((run) => run.ended));
    written.length = 0;
    return sentences;
}

/** Has everything put back that was not told to stay. What went wrong is known already. */
export async function putFilesBack(written: Run[]): Promise<void> {
    for (const run of written) {
        run.abandon();
    }
    await Promise.allSettled(written.map((run) => run.ended));
}

import { once } from "node:events";
import { framed, framesIn, spoken } from "../agent/transfer/frames";
import { connect, type Run, startAgent } from "./agent";
import { uploadDumps } from "./buckets";
import type { Order } from "./order";
import type { Ways } from "./way";

/**
 * Has the target make its copy of the database, of a backup that comes from the source through this machine, and lies
 * nowhere on its way. Where the stack file has uploads, it is uploaded from here in passing.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws {Error} when one of them refuses or fails; the target has removed what had arrived
 */
export async function prepareDatabase(order: Order, ways: Ways, say: (line: string) => void): Promise<string> {
    const { source, target, uploads } = order;
    const receiver = startAgent(order, ways, { ...target, command: "receive-database", say });
    return within("database.timeout", order.timeouts.database, [receiver], async (runs) => {
        if ((await receiver.event("wanted")) === undefined) {
            return receiver.ended;
        }
        const uploaders = uploads === undefined ? [] : [uploadDumps(order, uploads, say)];
        runs.push(...uploaders);
        const takers = [receiver, ...uploaders];
        for (const uploader of uploaders) {
            // It has looked at the places before anything is dumped.
            if ((await uploader.event("wanted")) === undefined) {
                throw await reason(takers);
            }
        }
        const sender = startAgent(order, ways, { ...source, command: "send-backup", raw: true });
        runs.push(sender);
        const ended = takers.map((run) => run.ended);
        const passed = uploaders.length === 0 ? connect(sender, receiver) : relay(sender, receiver, uploaders);
        await Promise.all([passed, sender.ended, ...ended]).catch(async () => {
            throw await reason([sender, ...takers]);
        });
        return (await Promise.all(ended)).join(" ");
    });
}

/** Hands a backup on. The target has its last word when it is uploaded: no copy is made of one that is not. */
async function relay(sender: Run, receiver: Run, uploaders: Run[]): Promise<void> {
    for await (const frame of framesIn(sender.output as AsyncIterable<Buffer>)) {
        const bytes = Buffer.isBuffer(frame) ? framed(frame) : spoken(frame);
        await Promise.all(uploaders.map((run) => give(run, bytes)));
        if (!Buffer.isBuffer(frame) && frame.word === "done") {
            await Promise.all(uploaders.map((run) => run.ended));
        }
        await give(receiver, bytes);
    }
}

async function give({ input, ended }: Run, bytes: Buffer): Promise<void> {
    if (!input.write(bytes)) {
        await Promise.race([once(input, "drain"), ended]);
    }
}

/**
 * Ends runs that take longer than the stack file lets them.
 *
 * @param setting what says so
 */
export async function within(
    setting: string,
    seconds: number,
    runs: Run[],
    work: (runs: Run[]) => Promise<string>,
): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
        late = true;
        for (const run of runs) {
            run.abandon();
        }
    }, seconds * 1000);
    try {
        return await work(runs);
    } catch (error) {
        throw late
            ? new Error(
                  `It was given up after ${seconds} s, which ${setting} allows: look what takes so long, or allow more.`,
              )
            : error;
    } finally {
        clearTimeout(timer);
    }
}

/** Why a transfer did not come to its end: what the one says that has ended it, and not the one that noticed. */
async function reason(runs: Run[]): Promise<unknown> {
    const problems: unknown[] = [];
    const watched = runs.map((run) =>
        run.ended.then(
            () => undefined,
            (error: unknown) => problems.push(error),
        ),
    );
    await Promise.race(watched);
    for (const run of runs) {
        run.abandon();
    }
    await Promise.all(watched);
    return problems[0] ?? new Error("The connection between the hosts was lost: run again.");
}

/** Has the target do what one run of the agent does. */
export function onTarget(order: Order, ways: Ways, command: string, say: (line: string) => void): Run {
    return startAgent(order, ways, { ...order.target, command, say });
}

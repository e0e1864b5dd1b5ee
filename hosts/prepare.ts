import { connect, type Run, startAgent } from "./agent";
import type { Order } from "./order";
import type { Ways } from "./way";

/**
 * Has the target make its copy of the database, of a backup that comes from the source through this machine, and lies
 * nowhere on its way.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws {Error} when either side refuses or fails; the target has removed what had arrived
 */
export async function prepareDatabase(order: Order, ways: Ways, say: (line: string) => void): Promise<string> {
    const { source, target } = order;
    const receiver = startAgent(order, ways, { ...target, command: "receive-database", say });
    return within("database.timeout", order.timeouts.database, [receiver], async (runs) => {
        if ((await receiver.event("wanted")) === undefined) {
            return receiver.ended;
        }
        const sender = startAgent(order, ways, { ...source, command: "send-backup", raw: true });
        runs.push(sender);
        await Promise.all([connect(sender, receiver), sender.ended]).catch(async () => {
            throw await reason(sender, receiver);
        });
        return receiver.ended;
    });
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
async function reason(sender: Run, receiver: Run): Promise<unknown> {
    const problems: unknown[] = [];
    const watched = [sender, receiver].map((run) =>
        run.ended.then(
            () => undefined,
            (error: unknown) => problems.push(error),
        ),
    );
    await Promise.race(watched);
    sender.abandon();
    receiver.abandon();
    await Promise.all(watched);
    return problems[0] ?? new Error("The connection between the hosts was lost: run again.");
}

/** Has the target do what one run of the agent does. */
export function onTarget(order: Order, ways: Ways, command: string, say: (line: string) => void): Run {
    return startAgent(order, ways, { ...order.target, command, say });
}

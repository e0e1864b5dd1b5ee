import { copyPlan, type MediaPlan } from "../contract";
import type { ServingPlan } from "../contract/served";
import { connect, type Request, type Run, startAgent } from "./agent";
import type { Order } from "./order";
import { within } from "./prepare";
import type { Ways } from "./way";

/**
 * Has the target make its copy of the media, or of a further folder. What comes from another host comes through this
 * machine, and lies nowhere on its way.
 *
 * @param folder name of the further folder; the media if left out
 * @returns a sentence on what was made, or that it was there already
 * @throws {Error} when either side refuses or fails; the target has removed what had arrived
 */
export async function prepareMedia(
    order: Order,
    ways: Ways,
    say: (line: string) => void,
    folder?: string,
): Promise<string> {
    const further = order.target.plan.folders?.find(({ name }) => name === folder);
    const plan = { ...order.target.plan, ...(further !== undefined && { media: further.media }) };
    const [setting, seconds] =
        further === undefined
            ? ["media.timeout", order.timeouts.media]
            : [`the timeout of folder ${further.name}`, order.timeouts.folders[further.name] ?? order.timeouts.media];
    const source = copyPlan(plan)?.media.source;
    const isServed = typeof source === "object" && "host" in source;
    const serving = isServed && { host: source.host, plan: servingOf(plan.media as MediaPlan, source.folder) };
    const runs: Run[] = [];
    const problems: unknown[] = [];
    const note = (error: unknown) => {
        problems.push(error);
    };
    const copier = startAgent(order, ways, {
        ...{ ...order.target, plan, command: "prepare-media", say },
        ...(serving && { ask: (line: string) => ask(line, { ...serving, command: "serve-media", raw: true }) }),
    });
    runs.push(copier);
    return within(setting, seconds, runs, async () => {
        const sentence = await copier.ended.catch(note);
        if (problems.length > 0) {
            const [, server] = runs;
            server?.abandon();
            await server?.ended.catch(note);
            throw problems[0];
        }
        return sentence ?? "";
    });

    /** Starts the other side with the first question: where nothing is to be copied there is none. */
    function ask(line: string, request: Request): void {
        if (runs[1] === undefined) {
            const server = startAgent(order, ways, request);
            runs.push(server);
            // Where that breaks, one of both ends has, and says why.
            connect(server, copier).catch(() => undefined);
            server.ended.catch((error) => {
                note(error);
                copier.abandon();
            });
        }
        runs[1]?.input.write(`${line}\n`);
    }
}

function servingOf({ exclude, links, owners, sentinel }: MediaPlan, folder: string): ServingPlan {
    return { folder, exclude, links, owners, ...(sentinel !== undefined && { sentinel }) };
}

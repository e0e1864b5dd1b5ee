import { spawn } from "node:child_process";
import type { ServicesPlan } from "../../contract/hosts";
import { anyWord, say } from "../attended";
import { log } from "../report";
import { type Journal, journalAt } from "./journal";
import { gone, type Service, serviceOf } from "./service";

/**
 * Stops the services that run, waits until they are gone, says so, and starts them again when whoever attends says a word
 * or goes. A second process, which outlives this one, is there to start them in its place if it is killed.
 *
 * @param input what whoever attends says
 * @returns a sentence on what was stopped and started
 * @throws {Error} when one does not stop, after all that ran were started again; or when one does not start
 */
export async function holdServices(plan: ServicesPlan, input: AsyncIterable<Buffer>): Promise<string> {
    const services = plan.services.map(serviceOf);
    const journal = journalAt(plan.journal);
    await refuseForgotten(services, journal);
    const names = await runningOf(services, journal);
    await journal.write(names);
    const watcher = await watch(plan);
    let problem: Error | undefined;
    const start = performance.now();
    try {
        for (const service of services.filter(({ name }) => names.includes(name))) {
            await service.stop();
            await gone(service, plan.timeout);
            log(`service ${service.name} is stopped`);
        }
        await say(JSON.stringify({ event: "stopped", services: names }));
        await anyWord(input);
    } catch (error) {
        problem = error as Error;
    }
    const failure = await watcher.release();
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    if (problem !== undefined || failure !== undefined) {
        const reasons = [problem?.message, failure].filter((reason) => reason !== undefined);
        throw new Error(reasons.join(" "));
    }
    const [was, runs] = names.length === 1 ? ["was", "runs"] : ["were", "run"];
    return names.length === 0
        ? "No service ran: none was stopped."
        : `${names.join(", ")} ${was} stopped for ${seconds} s and ${runs} again.`;
}

/** What an earlier run has stopped and nobody would start: it is told of once. */
async function refuseForgotten(services: Service[], journal: Journal): Promise<void> {
    const stopped = (await journal.read()) ?? [];
    const known = stopped.filter((name) => services.some((service) => service.name === name));
    const forgotten = stopped.filter((name) => !known.includes(name));
    if (forgotten.length > 0) {
        await journal.write(known);
        throw new Error(
            `${forgotten.join(", ")} was stopped by an earlier run that was killed, and is no longer in services: start it by ` +
                "hand, then run again.",
        );
    }
}

/** Those that run, and those that an earlier run has stopped and not started again. */
async function runningOf(services: Service[], journal: Journal): Promise<string[]> {
    const stopped = (await journal.read()) ?? [];
    const running: string[] = [];
    for (const service of services) {
        if (stopped.includes(service.name) || (await service.runs())) {
            running.push(service.name);
        }
    }
    return running;
}

/**
 * Starts, the last one first, what the journal says was stopped.
 *
 * @returns a sentence
 * @throws {Error} for all that do not start; they stay in the journal
 */
export async function startServices(plan: ServicesPlan): Promise<string> {
    const journal = journalAt(plan.journal);
    const names = (await journal.read()) ?? [];
    const problems: string[] = [];
    const left: string[] = [];
    for (const service of plan.services.map(serviceOf).reverse()) {
        if (names.includes(service.name)) {
            await service.start().catch((error: Error) => {
                problems.push(error.message);
                left.push(service.name);
            });
        }
    }
    if (problems.length > 0) {
        await journal.write(left);
        throw new Error(`${problems.join(" ")} It was running before: start it by hand, and look at its log.`);
    }
    await journal.remove();
    return names.length === 0 ? "No service was stopped." : `Started again: ${names.toReversed().join(", ")}.`;
}

/** A process that starts the services when its input ends: ours to close, or the kernel's when this one is killed. */
interface Watcher {
    /** Lets it start them. Returns why it could not. */
    release(): Promise<string | undefined>;
}

async function watch(plan: ServicesPlan): Promise<Watcher> {
    // A session of its own: what is sent to this one's whole group does not reach it.
    const child = spawn(process.execPath, [process.argv[1] ?? "", "start-services"], { detached: true, cwd: "/" });
    let said = "";
    child.stdout.resume();
    child.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", reject);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.write(`${JSON.stringify({ plan, secrets: {} })}\n`);
    return {
        async release() {
            child.stdin.end();
            return (await ended) === 0 ? undefined : said.trim().replace(/^Failed: /, "");
        },
    };
}

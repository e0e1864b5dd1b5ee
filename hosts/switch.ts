import { join } from "node:path";
import type { ServicesPlan } from "../contract/hosts";
import { type Run, startAgent, startRun } from "./agent";
import type { DeploymentsPlan } from "./deployments";
import { keepFiles, putFilesBack, refuseForbidden, writeFiles } from "./files";
import { folderOn, type Order } from "./order";
import { onTarget } from "./prepare";
import type { Ways } from "./way";

/** Milliseconds between two signs of life. Whoever holds services takes a minute of silence for the end. */
const beat = 5_000;

/** Something that stands still until it is told to go on. */
interface Hold {
    /** The host, or the word for a cluster's. */
    host: string;
    run: Run;
    plan: ServicesPlan | undefined;
}

/**
 * Stops what uses the database, switches, starts again what ran **whatever came of it**, and asks the page. If this program
 * is killed, each host starts its own services by itself.
 *
 * @returns what each of them says
 * @throws {Error} with everything that did not work
 */
export async function switchOver(order: Order, ways: Ways, say: (line: string) => void): Promise<string> {
    const holds: Hold[] = [];
    const written: Run[] = [];
    const sentences: string[] = [];
    const problems: Error[] = [];
    let ran = false;
    const life = setInterval(() => {
        for (const run of [...holds.map((hold) => hold.run), ...written]) {
            run.input.write(" ");
        }
    }, beat);
    try {
        await refuseForbidden(order, ways);
        for (const request of requests(order)) {
            const hold = request(ways, say);
            holds.push(hold);
            const stopped = await hold.run.event("stopped");
            if (stopped === undefined) {
                await hold.run.ended;
                throw new Error(`Nothing was stopped on ${hold.host}: run again.`);
            }
            ran ||= stopped.services.length > 0;
        }
        await writeFiles(order, ways, written);
        sentences.push(await onTarget(order, ways, "switch", say).ended);
        sentences.push(...(await keepFiles(written)));
    } catch (error) {
        problems.push(error as Error);
    } finally {
        clearInterval(life);
        await putFilesBack(written);
        for (const hold of holds.toReversed()) {
            await release(order, ways, hold).then(
                (sentence) => sentences.push(sentence),
                (error: Error) => problems.push(error),
            );
        }
    }
    const different = [...new Map(problems.map((problem) => [problem.message, problem])).values()];
    if (different[0] !== undefined) {
        throw different.length === 1 ? different[0] : new Error(different.map(({ message }) => message).join(" "));
    }
    if (holds.length > 0 && !ran) {
        return `${sentences.join(" ")} Nothing answers for them yet: start them by hand this once.`;
    }
    if (order.target.plan.smoke !== undefined) {
        sentences.push(await onTarget(order, ways, "smoke", say).ended);
    }
    return sentences.join(" ");
}

type Begin = (ways: Ways, say: (line: string) => void) => Hold;

/** One for each host with services, in their order, and one for all Deployments. */
function requests(order: Order): Begin[] {
    const { services, stopTimeout: timeout } = order;
    const hosts = [...new Set(services.flatMap(({ host }) => host ?? []))];
    const onHosts = hosts.map((host): Begin => {
        const plan = {
            services: services
                .filter((service) => service.host === host)
                .map(({ name, unit, commands }) => ({ name, ...(unit && { unit }), ...(commands && { commands }) })),
            journal: join(folderOn(order, host), "services.json"),
            timeout,
        };
        return (ways, say) => ({
            host,
            plan,
            run: startAgent(order, ways, { host, command: "hold-services", plan, say }),
        });
    });
    const deployments = services.flatMap(({ deployment }) => deployment ?? []);
    const plan: DeploymentsPlan = { deployments, timeout };
    const [program = ""] = process.argv.slice(1);
    const inCluster: Begin = (_, say) => ({
        host: "the cluster",
        plan: undefined,
        run: startRun([process.execPath, program, "hold-deployments"], { host: "the cluster", plan, say }),
    });
    return deployments.length === 0 ? onHosts : [...onHosts, inCluster];
}

/** Lets services start. Where the connection was lost meanwhile, another one sees to it that they do. */
async function release(order: Order, ways: Ways, { host, run, plan }: Hold): Promise<string> {
    run.input.write("start\n");
    try {
        return await run.ended;
    } catch (error) {
        run.abandon();
        if (plan === undefined) {
            throw error;
        }
        const again = startAgent(order, ways, { host, command: "start-services", plan });
        again.abandon();
        await again.ended;
        throw error;
    }
}

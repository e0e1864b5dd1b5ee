/** What Pulumi's commands are: `run.cjs <command> [<host>]` beside an order. Each ends with one sentence. */
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { Refusal } from "../agent/refusal";
import { exitStatus } from "../contract";
import { AgentAbsent } from "./agent";
import { copyBuckets } from "./buckets";
import { deploymentsPlan, holdDeployments } from "./deployments";
import { install } from "./install";
import { expectClosed } from "./isolation";
import { prepareMedia } from "./media";
import { type Order, readOrder } from "./order";
import { onTarget, prepareDatabase } from "./prepare";
import { say } from "./said";
import { switchOver } from "./switch";
import { openWays, type Ways } from "./way";

type Work = (order: Order, ways: Ways, say: (line: string) => void, host: string) => Promise<string>;

const work: Record<string, Work> = {
    install: async (order, ways, _, host) => {
        const sentence = await install(order, ways, host);
        await expectClosed(order, ways, host);
        return sentence;
    },
    "prepare-database": prepareDatabase,
    "prepare-media": (order, ways, say) => prepareMedia(order, ways, say),
    "prepare-folder": (order, ways, say, folder) => prepareMedia(order, ways, say, folder),
    switch: switchOver,
    "copy-buckets": (order, _, say) => copyBuckets(order, say),
    retire: (order, ways, say) => onTarget(order, ways, "retire", say).ended,
};

async function main([command = "", host = ""]: string[]): Promise<void> {
    if (command === "hold-deployments") {
        process.stdout.write(`${await heldDeployments()}\n`);
        return;
    }
    const folder = dirname(process.argv[1] ?? "");
    const order = readOrder(folder);
    const ways = openWays(order.hosts);
    try {
        const run = () => work[command]?.(order, ways, (line) => say(folder, { command, line }), host);
        const sentence = (await run()?.catch((error) => again(error, order, ways, run))) ?? "";
        say(folder, { command, line: sentence, last: true });
        process.stdout.write(`${sentence}\n`);
    } finally {
        ways.close();
    }
}

/** Where somebody has taken the agent away, it is brought once more. */
async function again(error: unknown, order: Order, ways: Ways, run: () => Promise<string> | undefined) {
    if (!(error instanceof AgentAbsent)) {
        throw error;
    }
    await install(order, ways, error.host);
    return run();
}

/** Told what to do as an agent is; goes on when a line comes, or nothing any more. */
async function heldDeployments(): Promise<string> {
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const { plan } = JSON.parse((await lines.next()).value) as { plan: unknown };
    return holdDeployments(deploymentsPlan.parse(plan), async (services) => {
        process.stdout.write(`${JSON.stringify({ event: "stopped", services })}\n`);
        await lines.next();
    });
}

main(process.argv.slice(2)).then(
    () => process.exit(exitStatus.done),
    (error: Error) => {
        const refused = error instanceof Refusal;
        process.stderr.write(`${refused ? "Refused, and nothing was changed: " : ""}${error.message}\n`);
        process.exit(refused ? exitStatus.refused : exitStatus.failed);
    },
);

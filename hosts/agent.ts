import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { Refusal } from "../agent/refusal";
import { exitStatus } from "../contract";
import { type HostEvent, hostEvent } from "../contract/hosts";
import { folderOn, type Order } from "./order";
import { connectionProblem } from "./ssh";
import { quoted, type Ways } from "./way";

/** A run of the agent on a host. */
export interface Run {
    /** Its standard input, after the header. */
    input: NodeJS.WritableStream;
    /** What it writes, where that is not lines. */
    output: NodeJS.ReadableStream;
    /** Waits for something that it tells; undefined if it ends before. */
    event<K extends HostEvent["event"]>(kind: K): Promise<Extract<HostEvent, { event: K }> | undefined>;
    /**
     * Waits for its end.
     *
     * @returns its last word
     * @throws {Refusal} when it refuses, and has changed nothing
     * @throws {Error} when it fails, or cannot be reached
     */
    ended: Promise<string>;
    /** Ends it: it hears that nobody waits any more. */
    abandon(): void;
}

/** What a run is about. */
export interface Request {
    host: string;
    command: string;
    plan: unknown;
    secrets?: Record<string, string>;
    /** Whether its output is something else than lines. */
    raw?: boolean;
    /** Is told every line that is for people. */
    say?: (line: string) => void;
    /** Is told every line with which it asks for something, see `contract/served.ts`; nothing is asked if left out. */
    ask?: (line: string) => void;
}

/** The agent is not on a host, which somebody has cleaned up. */
export class AgentAbsent extends Error {
    constructor(readonly host: string) {
        super(`The agent is not on host ${host}: run understudy up, which brings it there.`);
    }
}

/** Status of the shell where the agent is not on the host, and where its Node is not. */
const absent = { agent: 90, node: 91 } as const;

/** Starts the agent on a host, which has to have it. */
export function startAgent(order: Order, ways: Ways, request: Request): Run {
    const { host, command } = request;
    return startRun(ways.to(host, startCommand(order, host, command)), request);
}

/** Starts a program that is told what to do as an agent is. */
export function startRun([program = "", ...args]: string[], request: Omit<Request, "command">): Run {
    const { host, plan, secrets = {}, raw = false, say = () => undefined, ask } = request;
    // A group of its own: Ctrl-C in a terminal reaches this program, which then tells the hosts in order.
    const child = spawn(program, args, { stdio: "pipe", detached: true });
    child.stdin.on("error", () => undefined);
    child.stdin.write(`${JSON.stringify({ plan, secrets })}\n`);
    const events = new Events();
    let last = "";
    if (!raw) {
        createInterface({ input: child.stdout }).on("line", (line) => {
            if (ask !== undefined && line.startsWith('{"ask":')) {
                ask(line);
                return;
            }
            const event = eventIn(line);
            if (event !== undefined) {
                events.tell(event);
                return;
            }
            last = line;
            say(line);
        });
    }
    const ended = ending(child, host, raw).then(
        (said) => {
            events.end();
            return raw ? said : last;
        },
        (error) => {
            events.end();
            throw error;
        },
    );
    // Whoever waits for it is told, and until then it must not end the process.
    ended.catch(() => undefined);
    return {
        input: child.stdin,
        output: child.stdout,
        event: (kind) => events.next(kind),
        ended,
        abandon: () => child.stdin.end(),
    };
}

/** The agent's run in its folder, with a word of its own where it cannot begin. */
function startCommand(order: Order, host: string, command: string): string {
    const folder = quoted(folderOn(order, host));
    const node = nodeOn(order, host);
    return (
        `cd ${folder} 2>/dev/null && test -f agent.cjs || exit ${absent.agent}; ` +
        `command -v ${node} >/dev/null || exit ${absent.node}; exec ${node} ${folder}/agent.cjs ${command}`
    );
}

/** Node on a host: the one that was brought where there is one. */
export function nodeOn(order: Pick<Order, "hosts" | "stack">, host: string): string {
    const node = order.hosts[host]?.node ?? "node";
    const brought = `${folderOn(order, host)}/node`;
    return order.hosts[host]?.bringNode === true
        ? `$(test -x ${quoted(brought)} && echo ${quoted(brought)} || echo ${quoted(node)})`
        : quoted(node);
}

/** What to do about a host without Node. */
export function nodeProblem(host: string): string {
    return `Host ${host} has no Node: install Node 20 there, name it in hosts.${host}.node, or set hosts.${host}.bringNode to true.`;
}

function eventIn(line: string): HostEvent | undefined {
    try {
        return hostEvent.safeParse(JSON.parse(line)).data;
    } catch {
        return undefined;
    }
}

/** How a run ends. Standard error has its last word when it does not end well. */
function ending(child: ChildProcessWithoutNullStreams, host: string, raw: boolean): Promise<string> {
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-65_536);
    });
    return new Promise((resolve, reject) => {
        child.on("error", (error) => reject(new Error(`Host ${host} cannot be reached: ${error.message}.`)));
        child.on("close", (status) => {
            const said = errors.trim();
            const word = said.split("\n").at(-1) ?? "";
            if (status === exitStatus.done) {
                resolve(raw ? word : "");
            } else if (status === exitStatus.refused && word.startsWith("Refused")) {
                reject(new Refusal(`${word.replace(/^Refused, and nothing was changed: /, "")} (on ${called(host)})`));
            } else if (status === absent.agent) {
                reject(new AgentAbsent(host));
            } else {
                reject(new Error(problemOf(host, status, said, word)));
            }
        });
    });
}

/** The stack file's names have no spaces; what else is meant, is called as it is. */
function called(host: string): string {
    return host.includes(" ") ? host : `host ${host}`;
}

function problemOf(host: string, status: number | null, said: string, word: string): string {
    if (status === absent.node) {
        return nodeProblem(host);
    }
    if (word.startsWith("Failed: ")) {
        return `${word.slice("Failed: ".length)} (on ${called(host)})`;
    }
    return (
        connectionProblem(host, said) ??
        `The run on ${called(host)} ended ${status === null ? "by a signal" : `with status ${status}`}${word === "" ? "" : ` (${word})`}.`
    );
}

/** What a run tells, for whoever waits for it. */
class Events {
    private readonly told: HostEvent[] = [];
    private ended = false;
    private wake = () => {};

    tell(event: HostEvent): void {
        this.told.push(event);
        this.wake();
    }

    end(): void {
        this.ended = true;
        this.wake();
    }

    async next<K extends HostEvent["event"]>(kind: K): Promise<Extract<HostEvent, { event: K }> | undefined> {
        for (;;) {
            const found = this.told.find((event) => event.event === kind);
            if (found !== undefined || this.ended) {
                return found as Extract<HostEvent, { event: K }> | undefined;
            }
            await new Promise<void>((resolve) => {
                this.wake = resolve;
            });
        }
    }
}

/** Streams one run's output to another's input. Returns when all of it has arrived. */
export async function connect(from: Run, to: Run): Promise<void> {
    await pipeline(from.output, to.input, { end: false });
}

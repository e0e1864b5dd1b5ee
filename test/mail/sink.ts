/** The mail sink's program, as its pod runs it, and a mail server outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SMTPServer } from "smtp-server";
import { mailpitProgram } from "../../dev/mailpit";

/** A running sink. */
export interface Sink {
    /** Ports for mail, and for its pages. */
    smtp: number;
    http: number;
    /** What it has, the newest first: who it is from, whom it is for, what it is about. */
    caught(): Promise<{ from: string; for: string[]; subject: string }[]>;
    /** What it has written to its log. */
    log(): string;
    stop(): Promise<void>;
}

interface Address {
    Address: string;
}

/** Starts a sink with these variables. */
export async function startSink(variables: Record<string, string>): Promise<Sink> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-mail-"));
    const program = join(folder, "mailpit.cjs");
    writeFileSync(program, await mailpitProgram());
    const [smtp, http] = [await freePort(), await freePort()];
    const child = spawn(process.execPath, [program], {
        env: {
            ...variables,
            MP_SMTP_BIND_ADDR: `127.0.0.1:${smtp}`,
            MP_UI_BIND_ADDR: `127.0.0.1:${http}`,
        },
        stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
            log += text;
        });
    }
    const address = `http://127.0.0.1:${http}`;
    await ready(child, address, () => log);
    return {
        smtp,
        http,
        log: () => log,
        caught: async () => {
            const response = await fetch(`${address}/api/v1/messages?limit=50`);
            const { messages } = (await response.json()) as {
                messages: { From: Address; To: Address[]; Cc: Address[]; Bcc: Address[]; Subject: string }[];
            };
            return messages.map(({ From, To, Cc, Bcc, Subject }) => ({
                from: From.Address,
                for: [...To, ...Cc, ...Bcc].map(({ Address }) => Address),
                subject: Subject,
            }));
        },
        stop: async () => {
            if (child.exitCode === null) {
                child.kill();
                await once(child, "exit");
            }
            rmSync(folder, { recursive: true, force: true });
        },
    };
}

async function ready(child: ChildProcess, address: string, log: () => string): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
        const { ok } = await fetch(`${address}/readyz`).catch(() => ({ ok: false }));
        if (ok) {
            return;
        }
        if (child.exitCode !== null) {
            break;
        }
        await sleep(50);
    }
    child.kill();
    throw new Error(`the mail sink does not come up: ${log()}`);
}

async function freePort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const port = portOf(server.address());
    server.close();
    await once(server, "close");
    return port;
}

function portOf(address: ReturnType<Server["address"]> | undefined): number {
    return typeof address === "object" && address !== null ? address.port : 0;
}

/** A mail server that stands for all the world. */
export interface World {
    port: number;
    /** Envelopes of what has arrived: who sends it, and who gets it. */
    arrived: { from: string; to: string[] }[];
    stop(): Promise<void>;
}

/** Starts the world. It insists on nothing. */
export async function startWorld(): Promise<World> {
    const arrived: World["arrived"] = [];
    const server = new SMTPServer({
        authOptional: true,
        disabledCommands: ["STARTTLS"],
        disableReverseLookup: true,
        onData: (stream, { envelope: { mailFrom, rcptTo } }, done) => {
            const from = mailFrom === false ? "" : mailFrom.address;
            arrived.push({ from, to: rcptTo.map(({ address }) => address) });
            stream.resume().on("end", done);
        },
    });
    const listening = server.listen(0, "127.0.0.1");
    await once(listening, "listening");
    return {
        arrived,
        port: portOf(listening.address()),
        stop: () => new Promise((resolve) => server.close(() => resolve())),
    };
}

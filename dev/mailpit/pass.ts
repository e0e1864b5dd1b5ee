import { createTransport } from "nodemailer";
import type { Configuration, Way } from "./configuration";

/** A message on its way. */
export interface Message {
    from: string;
    recipients: string[];
    raw: Buffer;
}

/** Passes a message on to whom the configuration lets it out; what fails goes to the log, and the message is kept anyway. */
export async function passOn({ forward, relay }: Configuration, message: Message): Promise<void> {
    if (relay !== undefined) {
        await send(
            relay,
            message,
            message.recipients.filter((address) => relay.matching.test(address)),
        );
    }
    if (forward !== undefined) {
        await send(forward, message, [forward.to]);
    }
}

async function send(way: Way, message: Message, to: string[]): Promise<void> {
    if (to.length === 0) {
        return;
    }
    const { host, port, encryption, login, from } = way;
    const transport = createTransport({
        ...{ host, port, auth: login, connectionTimeout: 10_000 },
        secure: encryption === "tls",
        requireTLS: encryption === "starttls",
        ignoreTLS: encryption === "none",
    });
    try {
        const raw = from === undefined ? message.raw : fromSomebodyElse(message.raw, from);
        await transport.sendMail({ envelope: { from: from ?? message.from, to }, raw });
    } catch (error) {
        console.error(`Not passed on to ${host}:${port}: ${error instanceof Error ? error.message : error}`);
    }
}

/** The message with another author in its header. */
function fromSomebodyElse(raw: Buffer, from: string): Buffer {
    const text = raw.toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    const header = text.slice(0, end).replace(/^From:.*(\r\n[ \t].*)*/im, `From: <${from}>`);
    return Buffer.from(header + text.slice(end), "latin1");
}

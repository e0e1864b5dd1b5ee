import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server on which rows get lost. */
export interface LossyWay {
    port: number;
    stop(): void;
}

/** Code of the message that begins a session. Those before it, and it, have no type. */
const beginning = 196_608;

/**
 * Starts a way to a server's port.
 *
 * @param change makes another row of each that COPY brings, or none; rows are of bytes, and without their newline
 */
export async function startLossyWay(server: number, change: (row: string) => string | undefined): Promise<LossyWay> {
    const open = new Set<Socket>();
    const proxy = createServer((client) => {
        const upstream = connect(server, "127.0.0.1");
        const requests = new Requests(change);
        for (const [from, to] of [
            [client, upstream],
            [upstream, client],
        ] as const) {
            open.add(from);
            from.on("error", () => to.destroy());
            from.on("close", () => to.end());
        }
        upstream.on("data", (bytes: Buffer) => client.write(bytes));
        client.on("data", (bytes: Buffer) => upstream.write(requests.push(bytes)));
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    return {
        port: (proxy.address() as AddressInfo).port,
        stop() {
            proxy.close();
            for (const socket of open) {
                socket.destroy();
            }
        },
    };
}

/** What a client says to the server, message by message. */
class Requests {
    private pending = Buffer.alloc(0);
    private begun = false;
    /** The beginning of a row whose end comes with the next message. */
    private part = "";

    constructor(private readonly change: (row: string) => string | undefined) {}

    push(bytes: Buffer): Buffer {
        this.pending = Buffer.concat([this.pending, bytes]);
        const passed: Buffer[] = [];
        for (;;) {
            const type = this.begun ? 1 : 0;
            const length = this.pending.length < type + 4 ? Number.POSITIVE_INFINITY : this.pending.readUInt32BE(type);
            if (this.pending.length < type + length) {
                return Buffer.concat(passed);
            }
            const message = this.pending.subarray(0, type + length);
            this.pending = this.pending.subarray(type + length);
            passed.push(this.begun ? this.changed(message) : message);
            this.begun ||= message.readUInt32BE(4) === beginning;
        }
    }

    private changed(message: Buffer): Buffer {
        if (message[0] !== "d".charCodeAt(0)) {
            return message;
        }
        const rows = (this.part + message.toString("latin1", 5)).split("\n");
        this.part = rows.pop() ?? "";
        const kept = rows.flatMap((row) => this.change(row) ?? []).map((row) => `${row}\n`);
        const payload = Buffer.from(kept.join(""), "latin1");
        const head = Buffer.from("d\0\0\0\0");
        head.writeUInt32BE(payload.length + 4, 1);
        return Buffer.concat([head, payload]);
    }
}

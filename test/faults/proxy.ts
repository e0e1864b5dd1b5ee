import { connect, createServer, type Server, type Socket } from "node:net";
import type { Plan } from "../../contract";

/** A way to a server that can break. */
export interface Way {
    port: number;
    close(): Promise<void>;
}

/** Leads to a port, and resets all of its connections when so many bytes have gone there in all; later ones are let through. */
export async function startProxy(port: number, bytes = Number.POSITIVE_INFINITY): Promise<Way> {
    const sockets = new Set<Socket>();
    let left = bytes;
    const server: Server = createServer((near) => {
        const far = connect(port, "127.0.0.1");
        for (const socket of [near, far]) {
            sockets.add(socket);
            socket.on("error", () => undefined);
        }
        near.on("data", (chunk) => {
            left -= chunk.length;
            if (left < 0) {
                left = Number.POSITIVE_INFINITY;
                for (const socket of sockets) {
                    socket.resetAndDestroy();
                }
            }
        });
        near.pipe(far);
        far.pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return {
        port: typeof address === "object" && address !== null ? address.port : 0,
        close: () => new Promise((resolve) => server.close(() => resolve())),
    };
}

/** The same plan with another way to its server. */
export function through(plan: Plan, server: Partial<Plan["database"]["server"]>): Plan {
    return { ...plan, database: { ...plan.database, server: { ...plan.database.server, ...server } } };
}

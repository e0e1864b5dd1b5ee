import { Client } from "pg";
import type { TestServer } from "../../test/postgres/server";

/** The longest time between two answers to eight clients that query, and reconnect, all the time. */
export async function away(server: TestServer, work: () => Promise<unknown>): Promise<number> {
    const going = { on: true };
    const clients = Array.from({ length: 8 }, async () => {
        let [last, longest] = [performance.now(), 0];
        while (going.on) {
            const client = new Client({
                host: "127.0.0.1",
                port: server.port,
                user: "postgres",
                password: server.password,
                database: "shop",
            });
            client.on("error", () => undefined);
            try {
                await client.connect();
                while (going.on) {
                    await client.query("select 1");
                    longest = Math.max(longest, performance.now() - last);
                    last = performance.now();
                }
            } catch {
                // Put out by the switch: connect again at once, as a pool does.
            } finally {
                await client.end().catch(() => undefined);
            }
        }
        return longest;
    });
    await work();
    going.on = false;
    return Math.max(...(await Promise.all(clients))) / 1000;
}

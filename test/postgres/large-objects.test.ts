import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { proveLargeObjects } from "../../agent/postgres/large-objects";
import { copiedLargeObjects } from "./copied";
import { startServer, type TestServer } from "./server";

let server: TestServer;
let client: Client;
let count: number;

beforeAll(async () => {
    server = await startServer();
    client = new Client({
        ...{ host: "127.0.0.1", port: server.port, user: "postgres", password: server.password },
        database: "postgres",
    });
    await client.connect();
    const sizes = [0, 1, 2047, 2048, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20];
    for (const size of sizes) {
        await client.query("select lo_from_bytea(0, $1)", [
            Buffer.from(Array.from({ length: size }, (_, at) => at % 251)),
        ]);
    }
    // One with a hole, which holds zeros; and more than are asked for at once.
    await client.query("select lo_put(lo_create(0), 5000000, 'end')");
    await client.query("select lo_from_bytea(0, n::text::bytea) from generate_series(1, 1200) n");
    ({ count } = await copiedLargeObjects(server, "postgres"));
});
afterAll(async () => {
    await client?.end();
    await server?.stop();
});

test("large objects of any size are read back, and are those that the manifest names", async () => {
    expect(count).toBe(1209);
    const named = await copiedLargeObjects(server, "postgres");
    expect(await proveLargeObjects(client, count, named)).toEqual({
        count,
        proof: "1,209 large objects read back from the server, with the SHA-256 that the manifest names",
    });
});

test.each([
    [
        "the last byte of a large one",
        "select lo_put(oid, 3 * 1048576 - 1, '!') from pg_largeobject_metadata where length(lo_get(oid)) = 3 * 1048576",
    ],
    [
        "a byte of a small one",
        "select lo_put(oid, 0, '!') from pg_largeobject_metadata where length(lo_get(oid)) = 1 limit 1",
    ],
    [
        "what is in a hole",
        "select lo_put(oid, 3000000, '!') from pg_largeobject_metadata where length(lo_get(oid)) = 5000003",
    ],
])("%s that has changed is found", async (_, sql) => {
    const named = await copiedLargeObjects(server, "postgres");
    await server.query("postgres", sql);
    await expect(proveLargeObjects(client, count, named)).rejects.toThrow(
        /^The 1,209 large objects are not those after the restore that the manifest names: their SHA-256 is \w{64}, and the manifest names \w{64}\. The copy is not used\.$/,
    );
});

test("without a manifest they are counted", async () => {
    expect(await proveLargeObjects(client, count)).toMatchObject({
        proof: "1,209 large objects counted, as many as in the dump",
    });
    await expect(proveLargeObjects(client, 7)).rejects.toThrow(
        "There are 1,209 large objects after the restore, but the dump held 7",
    );
});

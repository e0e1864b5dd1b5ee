import { createHash } from "node:crypto";
import type { Client } from "pg";
import type { DumpedDatabase } from "../../contract/manifest";
import { LargeObjects } from "../backup/large-object";
import { plural } from "../report";

/** What was found, and what it proves. */
export interface ProvenLargeObjects {
    count: number;
    proof: string;
}

/** Bytes that are read at once of a large object, and as many of them as are hashed by the server at once. */
const chunk = 2 ** 20;
const batch = 500;

/**
 * Counts the large objects, and compares their data with what the manifest says of them.
 *
 * @param expected how many the dump held
 * @throws {Error} one sentence when there are others
 */
export async function proveLargeObjects(
    client: Client,
    expected: number,
    named?: DumpedDatabase["largeObjects"],
): Promise<ProvenLargeObjects> {
    const counted = await client.query<{ count: string }>("select count(*) from pg_largeobject_metadata");
    const count = Number(counted.rows[0]?.count);
    if (count !== expected) {
        throw new Error(
            `There are ${plural(count, "large object")} after the restore, but the dump held ${expected}: ` +
                "the copy is not used.",
        );
    }
    const objects = plural(count, "large object");
    if (named === undefined) {
        return { count, proof: `${objects} counted, as many as in the dump` };
    }
    const { sha256 } = count === 0 ? named : await readLargeObjects(client);
    if (sha256 !== named.sha256) {
        throw new Error(
            `The ${objects} are not those after the restore that the manifest names: their SHA-256 is ${sha256}, and the ` +
                `manifest names ${named.sha256}. The copy is not used.`,
        );
    }
    return {
        count,
        proof: `${objects} read back from the server, with the SHA-256 that the manifest names`,
    };
}

/** Reads all of them, small ones on the server and large ones piece by piece, so that neither side holds much. */
async function readLargeObjects(client: Client): Promise<DumpedDatabase["largeObjects"]> {
    const objects = new LargeObjects();
    for (let last: string | undefined = "0"; last !== undefined; ) {
        const { rows }: { rows: { id: string; whole: boolean; sha256: string }[] } = await client.query(
            `select id::text, length(head) < $2 as whole, encode(sha256(head), 'hex') as sha256
               from (select oid as id, lo_get(oid, 0, $2) as head
                       from pg_largeobject_metadata where oid > $1::oid order by oid limit $3) o order by o.id`,
            [last, chunk, batch],
        );
        for (const { id, whole, sha256 } of rows) {
            objects.add(id, whole ? sha256 : await sha256Of(client, id));
        }
        last = rows.at(-1)?.id;
    }
    return objects.held();
}

async function sha256Of(client: Client, id: string): Promise<string> {
    const hash = createHash("sha256");
    for (let from = 0, length = chunk; length === chunk; from += length) {
        const { rows } = await client.query<{ piece: Buffer }>("select lo_get($1, $2, $3) as piece", [id, from, chunk]);
        const piece = rows[0]?.piece ?? Buffer.alloc(0);
        hash.update(piece);
        length = piece.length;
    }
    return hash.digest("hex");
}

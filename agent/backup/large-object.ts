import { createHash, type Hash } from "node:crypto";
import type { DumpedDatabase } from "../../contract/manifest";

/** Whether a statement makes a large object. */
export function makesLargeObject(text: Buffer): boolean {
    return /^SELECT pg_catalog\.lo_create\('\d+'\);$/.test(text.toString("latin1"));
}

/** The large object whose data begins with a statement, by its id, if that is what it does. */
export function filledLargeObject(text: Buffer): string | undefined {
    return /^SELECT pg_catalog\.lo_open\('(\d+)', \d+\);$/.exec(text.toString("latin1"))?.[1];
}

/** What stands around the data in a statement that adds some to a large object. */
const [before, after] = [Buffer.from("SELECT pg_catalog.lowrite(0, '\\x"), Buffer.from("');")];

/** The data that a statement adds to the large object which is open, if that is what it does. */
function addedData(text: Buffer): Buffer | undefined {
    const isAdding = text.subarray(0, before.length).equals(before);
    return isAdding
        ? Buffer.from(text.toString("latin1", before.length, text.length - after.length), "hex")
        : undefined;
}

/** Large objects, counted and hashed in any order. */
export class LargeObjects {
    private readonly lines: string[] = [];
    private open: { id: string; hash: Hash } | undefined;

    /** Takes the next statement of a dump. */
    take(text: Buffer): void {
        const id = filledLargeObject(text);
        if (id !== undefined) {
            this.close();
            this.open = { id, hash: createHash("sha256") };
        } else {
            this.open?.hash.update(addedData(text) ?? "");
        }
    }

    /** Takes one with the SHA-256 of its data. */
    add(id: string, sha256: string): void {
        this.lines.push(`${id} ${sha256}\n`);
    }

    /** What has been taken: their number, and the SHA-256 of their ids and hashes. */
    held(): DumpedDatabase["largeObjects"] {
        this.close();
        const sha256 = createHash("sha256").update(this.lines.sort().join("")).digest("hex");
        return { count: this.lines.length, sha256 };
    }

    private close(): void {
        if (this.open !== undefined) {
            this.add(this.open.id, this.open.hash.digest("hex"));
            this.open = undefined;
        }
    }
}

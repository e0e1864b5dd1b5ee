import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Characters that are gathered before they are written, and bytes that are read at once. */
const piece = 65_536;

/**
 * A list on the disk, a line of JSON an item, so that it may be of any length. It can be read while it grows. Its file has
 * no name: it is gone with the run, however that ends.
 */
export class Spool<T> {
    length = 0;
    private readonly file = openNameless();
    private written = 0;
    private lines: string[] = [];
    private characters = 0;

    add(item: T): void {
        const line = JSON.stringify(item);
        this.lines.push(line);
        this.length += 1;
        this.characters += line.length + 1;
        if (this.characters >= piece) {
            this.flush();
        }
    }

    /** Items from the first on. Where they end for now, it can be asked again for what was added since. */
    [Symbol.iterator](): Iterator<T> {
        const buffer = Buffer.allocUnsafe(piece);
        let position = 0;
        let rest = "";
        let lines: string[] = [];
        let at = 0;
        const next = (): IteratorResult<T> => {
            while (at >= lines.length) {
                this.flush();
                const count = readSync(this.file, buffer, 0, piece, position);
                if (count === 0) {
                    return { done: true, value: undefined };
                }
                position += count;
                lines = (rest + buffer.toString("latin1", 0, count)).split("\n");
                rest = lines.pop() ?? "";
                at = 0;
            }
            return { done: false, value: JSON.parse(lines[at++] as string) };
        };
        return { next };
    }

    close(): void {
        closeSync(this.file);
    }

    private flush(): void {
        if (this.lines.length === 0) {
            return;
        }
        // What JSON leaves as it is of a name in Latin-1 are characters of one byte.
        const bytes = Buffer.from(`${this.lines.join("\n")}\n`, "latin1");
        this.lines = [];
        this.characters = 0;
        try {
            for (let from = 0; from < bytes.length; ) {
                from += writeSync(this.file, bytes, from, bytes.length - from, this.written + from);
            }
        } catch (error) {
            // Without a code: it is not the media volume that is full.
            const { code } = error as NodeJS.ErrnoException;
            throw new Error(`The list of the files does not fit into ${tmpdir()} (${code}): make room there.`);
        }
        this.written += bytes.length;
    }
}

function openNameless(): number {
    const folder = mkdtempSync(join(tmpdir(), "understudy-"));
    try {
        return openSync(join(folder, "spool"), "wx+", 0o600);
    } finally {
        rmSync(folder, { recursive: true });
    }
}

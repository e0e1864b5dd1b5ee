import { createHash, type Hash } from "node:crypto";
import type { DumpedDatabase } from "../../contract/manifest";
import { LargeObjects } from "../backup/large-object";
import type { Piece, Statement } from "../backup/piece";
import { connectedDatabase } from "../backup/server-frame";
import { copiedTable, positionIn } from "../backup/statement";

/** What a manifest says of a database's schema, rows and sequences. */
export type Held = Pick<DumpedDatabase, "schema" | "tables" | "largeObjects" | "sequences">;

/** What has passed of a table. */
interface Counted {
    rows: number;
    bytes: number;
    hash: Hash;
}

/** The end of a piece with which a table's rows end, and the part of it that is the end marker. */
const lastOfRows = Buffer.from("\n\\.\n");
const endMarker = lastOfRows.length - 1;

/** What a dump holds of one database, counted and hashed while it passes. */
export class Contents {
    private readonly tables = new Map<string, Counted>();
    private readonly sequences: Held["sequences"] = {};
    private readonly largeObjects = new LargeObjects();
    /** Digests of the statements that make the schema. */
    private readonly statements: string[] = [];
    /** The table whose rows come next. */
    private table: Counted | undefined;
    /** Whether the newline has passed with which the COPY statement ends. */
    private begun = false;

    /** Takes the next piece of the dump. */
    take(piece: Piece): void {
        if (piece.kind === "statement") {
            this.statement(piece);
        } else if (piece.kind === "rows" && this.table !== undefined) {
            const last = piece.bytes.subarray(-lastOfRows.length).equals(lastOfRows);
            const lines = piece.bytes.subarray(this.begun ? 0 : 1, piece.bytes.length - (last ? endMarker : 0));
            this.table.rows += piece.count;
            this.table.bytes += lines.length;
            this.table.hash.update(lines);
            this.begun = true;
        }
    }

    /** What has passed. It takes nothing more. */
    held(): Held {
        const tables = [...this.tables].map(([name, { hash, ...counted }]) => [
            name,
            { ...counted, sha256: hash.digest("hex") },
        ]);
        const schema = createHash("sha256").update(this.statements.sort().join("")).digest("hex");
        return {
            schema,
            tables: Object.fromEntries(tables),
            largeObjects: this.largeObjects.held(),
            sequences: this.sequences,
        };
    }

    private statement({ text, words }: Statement): void {
        const position = words[0] === "select" ? positionIn(text) : undefined;
        if (position !== undefined) {
            const { sequence, value, called } = position;
            this.sequences[sequence] = { value, called };
            return;
        }
        if (words[0] === "select") {
            this.largeObjects.take(text);
        }
        this.statements.push(createHash("sha256").update(text).digest("base64"));
        if (words[0] === "copy") {
            const name = copiedTable(text);
            // Of a table that is loaded in parts, the parts follow one another.
            this.table = this.tables.get(name) ?? { rows: 0, bytes: 0, hash: createHash("sha256") };
            this.tables.set(name, this.table);
            this.begun = false;
        }
    }
}

/** The same of each database in a dump of a whole server. */
export class ServerContents {
    private readonly databases = new Map<string, Contents>();
    private current: Contents | undefined;

    /** Takes the next piece of the dump. */
    take(piece: Piece): void {
        const name = piece.kind === "command" ? connectedDatabase(piece.text) : undefined;
        if (name !== undefined) {
            this.current = this.databases.get(name) ?? new Contents();
            this.databases.set(name, this.current);
        }
        this.current?.take(piece);
    }

    /** What has passed, by database. It takes nothing more. */
    held(): Map<string, Held> {
        return new Map([...this.databases].map(([name, contents]) => [name, contents.held()]));
    }
}

import { copiedTable, makesLargeObject, type Position, positionIn } from "../backup/statement";

/** What a dump holds, counted while it passes. */
export class Tally {
    /** Rows of each table, by the name that the dump writes. */
    readonly rows = new Map<string, number>();
    /** Tables whose rows came as INSERT statements. */
    inserts = 0;
    largeObjects = 0;
    readonly positions = new Map<string, Position>();
    /** Bytes of the rows of each table, by the same name. */
    readonly bytes = new Map<string, number>();

    /** Counts a statement; returns the name of the table whose rows follow, if it is a COPY. */
    statement(text: Buffer, words: string[]): string | undefined {
        if (words[0] === "copy") {
            const table = copiedTable(text);
            this.copied(table, 0, 0);
            return table;
        }
        if (words[0] === "insert") {
            this.inserts += 1;
        } else if (words[0] === "select") {
            const position = positionIn(text);
            if (position !== undefined) {
                this.positions.set(position.sequence, position);
            }
            this.largeObjects += makesLargeObject(text) ? 1 : 0;
        }
        return undefined;
    }

    copied(table: string, count: number, bytes: number): void {
        this.rows.set(table, (this.rows.get(table) ?? 0) + count);
        this.bytes.set(table, (this.bytes.get(table) ?? 0) + bytes);
    }
}

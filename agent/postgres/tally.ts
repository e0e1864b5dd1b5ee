import { copiedTable, makesLargeObject, type Position, positionIn } from "../backup/statement";

/** What a dump holds, counted while it passes. */
export class Tally {
    /** Rows of each table, by the name that the dump writes. */
    readonly rows = new Map<string, number>();
    /** Tables whose rows came as INSERT statements. */
    inserts = 0;
    largeObjects = 0;
    readonly positions = new Map<string, Position>();
    private table = "";

    statement(text: Buffer, words: string[]): void {
        if (words[0] === "copy") {
            this.table = copiedTable(text);
            this.rows.set(this.table, this.rows.get(this.table) ?? 0);
        } else if (words[0] === "insert") {
            this.inserts += 1;
        } else if (words[0] === "select") {
            const position = positionIn(text);
            if (position !== undefined) {
                this.positions.set(position.sequence, position);
            }
            this.largeObjects += makesLargeObject(text) ? 1 : 0;
        }
    }

    copied(count: number): void {
        this.rows.set(this.table, (this.rows.get(this.table) ?? 0) + count);
    }
}

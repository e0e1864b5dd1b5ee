import { filledLargeObject, makesLargeObject } from "../backup/large-object";
import { copiedTable, type Position, positionIn } from "../backup/statement";
import { type ConstraintName, copiedColumns, unvalidatedConstraint } from "../backup/table";

/** What is around the rows of a COPY statement: the newline after it, and the end marker. */
const around = "\n\\.\n".length;

/** What a dump holds, counted while it passes. */
export class Tally {
    /** Rows of each table, by the name that the dump writes. */
    readonly rows = new Map<string, number>();
    /** Rows that extensions have made in tables which the dump fills as well, by the same name. */
    readonly made = new Map<string, number>();
    /** Columns of each table that the dump fills, by the same name. */
    readonly columns = new Map<string, string[]>();
    /** Tables whose rows came as INSERT statements. */
    inserts = 0;
    largeObjects = 0;
    /** Large objects whose data came. */
    filledLargeObjects = 0;
    readonly positions = new Map<string, Position>();
    /** Bytes of the rows of each table, by the same name. */
    readonly bytes = new Map<string, number>();
    /** Constraints that nobody has held the rows against. */
    readonly unvalidated: ConstraintName[] = [];

    /** Counts a statement; returns the name of the table whose rows follow, if it is a COPY. */
    statement(text: Buffer, words: string[]): string | undefined {
        if (words[0] === "copy") {
            const table = copiedTable(text);
            this.copied(table, 0, -around);
            this.columns.set(table, copiedColumns(text));
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
            this.filledLargeObjects += filledLargeObject(text) === undefined ? 0 : 1;
        } else if (words[0] === "alter") {
            const constraint = unvalidatedConstraint(text);
            if (constraint !== undefined) {
                this.unvalidated.push(constraint);
            }
        }
        return undefined;
    }

    copied(table: string, count: number, bytes: number): void {
        this.rows.set(table, (this.rows.get(table) ?? 0) + count);
        this.bytes.set(table, (this.bytes.get(table) ?? 0) + bytes);
    }
}

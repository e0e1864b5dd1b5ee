import { DumpError } from "../backup/piece";
import { MysqlLexer, type MysqlPiece } from "./lexer";
import { stepOf } from "./statement";

/** Counts the rows of each table of a dump while it passes. */
export class Census {
    /** Rows by table. */
    readonly tables = new Map<string, number>();
    private readonly lexer = new MysqlLexer();

    /** @param database what is dumped */
    constructor(private readonly database: string) {}

    /**
     * Hands on the dump as it is.
     *
     * @throws {Error} one sentence when something in it would not be let into a copy
     */
    async *of(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of chunks) {
            this.take(() => this.lexer.push(chunk));
            yield chunk;
        }
        this.take(() => this.lexer.end());
    }

    private take(next: () => MysqlPiece[]): void {
        try {
            for (const piece of next()) {
                if (piece.kind !== "comment") {
                    this.count(stepOf(piece.text, piece.groups, this.database));
                }
            }
        } catch (error) {
            const said = error instanceof DumpError ? `The dump of ${this.database} ${error.message}.` : String(error);
            throw new Error(said);
        }
    }

    private count(step: ReturnType<typeof stepOf>): void {
        if (step.kind === "table") {
            this.tables.set(step.name, 0);
        } else if (step.kind === "rows") {
            this.tables.set(step.table, (this.tables.get(step.table) ?? 0) + step.count);
        }
    }
}

import { dumpTitle, dumpTrailer } from "./header";
import { DumpError, type Piece, type Statement } from "./piece";

/** What stands around the statements of a dump, and says which of them are the database's: comments and commands. */
export abstract class Frame {
    /**
     * Looks at the next piece of the dump.
     *
     * @returns whether it is a statement, or rows, of the database
     * @throws {DumpError} for what pg_dump never writes in that place
     */
    takes(piece: Piece): boolean {
        switch (piece.kind) {
            case "comment":
                this.comment(piece.text);
                return false;
            case "command":
                this.command(piece.text);
                return false;
            case "statement":
                this.statement(piece);
                return this.isOurs();
            case "rows":
                return this.isOurs();
        }
    }

    /**
     * @throws {DumpError} when the dump did not reach its end
     * @throws {Refusal} when it did, and the database is not in it
     */
    abstract end(): void;
    /** What the dump held besides the database, in a few words each. */
    abstract leftOut(): string[];
    protected abstract comment(text: string): void;
    protected abstract command(text: string): void;
    protected abstract statement(statement: Statement): void;
    /** Whether the dump is at the database's own statements and rows. */
    protected abstract isOurs(): boolean;
}

/** The frame of a dump of one database, which is the database's from beginning to end. */
export class DatabaseFrame extends Frame {
    private title = false;
    private complete = false;
    /** The command that chooses the database; pg_dump repeats it after it has set the database's properties. */
    private connect: string | undefined;

    end(): void {
        if (!this.complete) {
            throw new DumpError(brokenOff(dumpTrailer));
        }
    }

    leftOut(): string[] {
        return [];
    }

    protected isOurs(): boolean {
        return true;
    }

    protected statement(): void {
        this.refuseMore();
    }

    protected comment(text: string): void {
        this.title ||= text === dumpTitle;
        if (text !== "") {
            this.refuseMore();
        }
        this.complete ||= text === dumpTrailer && this.title;
    }

    protected command(text: string): void {
        const name = commandName(text);
        if (name === "\\connect") {
            this.connect ??= text;
            if (this.connect !== text) {
                throw new DumpError("holds more than one database; dump the one database alone");
            }
        } else if (!isRestriction(name)) {
            throw new DumpError(`holds the psql command ${name}, which pg_dump never writes`);
        }
    }

    private refuseMore(): void {
        if (this.complete) {
            throw new DumpError("goes on after its end; dump the one database alone");
        }
    }
}

/** A psql command without its arguments. */
export function commandName(text: string): string {
    return /^\\\S*/.exec(text)?.[0] ?? text;
}

/** Whether psql is only told to obey commands no longer, or again. */
export function isRestriction(name: string): boolean {
    return name === "\\restrict" || name === "\\unrestrict";
}

/** What is wrong with a dump that does not reach its closing line. */
export function brokenOff(trailer: string): string {
    return `ends without the line "${trailer}": the dump was broken off when it was made`;
}

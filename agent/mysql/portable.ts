import { DumpError } from "../backup/piece";
import { MysqlLexer, type MysqlPiece } from "./lexer";
import { Settings } from "./settings";
import { stepOf } from "./statement";

/** Ends what has semicolons of its own. */
const delimiter = ";;";

/** A setting of how much MariaDB says; a comment alone, as it is for MySQL, is a statement that MySQL refuses. */
const isMariaDbs = (text: Buffer) => text.subarray(0, 4).equals(Buffer.from("/*M!"));

/**
 * A dump as another server's own client loads it, whoever is there: what has code of its own belongs to an account of that
 * server, events are never due, and nothing is left of where the dump was made, which its comments and its place in a
 * replication tell.
 *
 * @param database that it is of
 * @param account as SQL names it
 * @throws {Error} one sentence when something in it would not be let into a copy
 */
export async function* portable(
    dump: AsyncIterable<Buffer>,
    database: string,
    account: string,
): AsyncGenerator<Buffer> {
    const lexer = new MysqlLexer();
    const settings = new Settings();
    try {
        for await (const chunk of dump) {
            yield* written(lexer.push(chunk));
        }
        yield* written(lexer.end());
    } catch (error) {
        throw error instanceof DumpError ? new Error(`The dump of ${database} ${error.message}.`) : error;
    }

    function* written(pieces: MysqlPiece[]): Generator<Buffer> {
        for (const piece of pieces) {
            if (piece.kind === "statement") {
                yield* statement(piece.text, piece.groups);
            }
        }
    }

    function* statement(text: Buffer, groups: number): Generator<Buffer> {
        const step = stepOf(text, groups, database, account);
        if (step.kind === "object") {
            yield Buffer.from(`delimiter ${delimiter}\n${step.sql}\n${delimiter}\ndelimiter ;\n`, "latin1");
        } else if (step.kind !== "setting" || (settings.follow(step.sql) === undefined && !isMariaDbs(text))) {
            yield text;
            yield Buffer.from(";\n");
        }
    }
}

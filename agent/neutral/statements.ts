import { DumpLexer } from "../backup/lexer";
import { DumpError } from "../backup/piece";

/** A statement of a hook. */
export interface HookStatement {
    text: string;
    /** Where it begins in the hook's text; 1 is its first line. */
    line: number;
}

/**
 * Cuts the text of a hook into its statements. The last one needs no semicolon.
 *
 * @throws {Error} when it holds what only psql knows: a command of its own, or rows after COPY
 */
export function statementsOf(sql: string): HookStatement[] {
    const lexer = new DumpLexer();
    const statements: HookStatement[] = [];
    let through = 0;
    try {
        for (const piece of [...lexer.push(Buffer.from(`${sql}\n;\n`)), ...lexer.end()]) {
            if (piece.kind === "command") {
                throw new DumpError(`holds the psql command ${piece.text.split(" ")[0]}`);
            }
            if (piece.kind === "rows") {
                throw new DumpError("holds rows after COPY … FROM stdin: write INSERT");
            }
            if (piece.kind === "statement") {
                const text = piece.text.toString();
                const begin = Math.max(sql.indexOf(text.replace(/\s*;$/, ""), through), through);
                through = begin + text.length;
                statements.push({ text, line: sql.slice(0, begin).split("\n").length });
            }
        }
    } catch (error) {
        throw error instanceof DumpError ? new Error(`it ${error.message}`) : error;
    }
    return statements.filter(({ text }) => text.trim() !== ";");
}

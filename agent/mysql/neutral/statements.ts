import { DumpError } from "../../backup/piece";
import type { HookStatement } from "../../neutral/statements";
import { MysqlLexer } from "../lexer";

/**
 * Cuts the text of a hook into its statements. The last one needs no semicolon; `DELIMITER` sets another end, as in a dump.
 *
 * @throws {Error} when it holds what only a client knows
 */
export function statementsOf(sql: string): HookStatement[] {
    const lexer = new MysqlLexer();
    const statements: HookStatement[] = [];
    let through = 0;
    try {
        for (const piece of [...lexer.push(Buffer.from(`${sql}\n`)), ...lexer.rest()]) {
            const text = piece.kind === "statement" ? piece.text.toString().trim() : "";
            if (text !== "") {
                const begin = Math.max(sql.indexOf(text, through), through);
                through = begin + text.length;
                statements.push({ text, line: sql.slice(0, begin).split("\n").length });
            }
        }
    } catch (error) {
        throw error instanceof DumpError ? new Error(`it ${error.message}.`) : error;
    }
    return statements;
}

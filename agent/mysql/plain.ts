/**
 * The SQL that a server of today obeys in a statement: comments like `/*!50003` are opened where MySQL and MariaDB both
 * obey them, and stay where it depends on the server.
 *
 * @param text bytes, one character for each
 */
export function plainOf(text: string): string {
    const pieces: string[] = [];
    let open = 0;
    for (const [piece] of text.matchAll(parts)) {
        const version = condition.exec(piece)?.[1];
        if (version !== undefined && (version === "" || Number(version) < mysqlsOwn)) {
            open += 1;
            pieces.push(" ");
        } else if (piece === "*/" && open > 0) {
            open -= 1;
            pieces.push(" ");
        } else {
            pieces.push(piece);
        }
    }
    return pieces.join("").trim();
}

/** From this version on, MariaDB takes such comments for MySQL's alone. */
const mysqlsOwn = 50_700;

/** Quoted text, comments for people, comments for the server with what tells their version, and all else. */
const parts =
    /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|--[ \t][^\n]*|#[^\n]*|\/\*M?!\d*|\/\*[\s\S]*?\*\/|\*\/|[^'"`/*#-]+|[\s\S]/g;

const condition = /^\/\*!(\d*)$/;

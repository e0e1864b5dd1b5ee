/**
 * In the place of a library of character sets. All connections of the agent have text as UTF-8 or as it is; a server
 * calls its older form of UTF-8, which has no characters beyond the basic ones, by a name of its own.
 */
export function getDecoder(encoding: string) {
    refuseOthers(encoding);
    return { write: (bytes: Buffer) => bytes.toString("utf8"), end: () => "" };
}

export function getEncoder(encoding: string) {
    refuseOthers(encoding);
    return { write: (text: string) => Buffer.from(text, "utf8"), end: () => undefined };
}

function refuseOthers(encoding: string): void {
    if (encoding !== "cesu8") {
        throw new Error(`the server sends text as ${encoding}, which was not asked for`);
    }
}

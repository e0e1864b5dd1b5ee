/** Characters that mean something in a dump, as bytes. */
export enum Byte {
    newline = 10,
    return = 13,
    quote = 34,
    dollar = 36,
    apostrophe = 39,
    open = 40,
    close = 41,
    star = 42,
    dash = 45,
    slash = 47,
    semicolon = 59,
    backslash = 92,
}

/** Counts the newlines between two offsets. */
export function newlines(data: Buffer, from: number, to: number): number {
    let count = 0;
    for (let at = from; at < to; at++) {
        if (data[at] === Byte.newline) {
            count += 1;
        }
    }
    return count;
}

/** Whether a name or keyword can begin with this byte; those of other alphabets can. */
export function isWordStart(byte: number): boolean {
    return (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || byte === 95 || byte >= 128;
}

/** Whether a name or keyword can go on with this byte. */
export function isWordPart(byte: number): boolean {
    return isWordStart(byte) || (byte >= 48 && byte <= 57) || byte === Byte.dollar;
}

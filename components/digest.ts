import { createHash } from "node:crypto";

/** Eight hexadecimal characters that stand for a value in an object's name. */
export function digest(value: object): string {
    return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);
}

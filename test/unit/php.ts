/** A text or a list as PHP's `serialize` writes it. */
export function serialised(value: string | string[]): string {
    if (typeof value === "string") {
        return `s:${Buffer.byteLength(value)}:"${value}";`;
    }
    return `a:${value.length}:{${value.map((item, key) => `i:${key};${serialised(item)}`).join("")}}`;
}

/** A name and what there is to say under it; no name if it goes on with what is above. */
export type Row = [name: string, text: string];

/** Rows as lines, their texts below each other. */
export function table(rows: Row[]): string {
    return rows.map(([name, text]) => `${name.padEnd(10)} ${text}`).join("\n");
}

import { readFile } from "node:fs/promises";

/** The texts that may be nowhere, out of a file of the run. */
export async function readTexts(path: string): Promise<Buffer[]> {
    const texts = JSON.parse(await readFile(path, "utf8")) as string[];
    return texts.map((text) => Buffer.from(text));
}

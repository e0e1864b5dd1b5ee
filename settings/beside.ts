/** Files that a stack file names, in its own folder or below. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import yaml from "js-yaml";
import { z } from "zod";

/** Such a file. */
export const pathBeside = z
    .string()
    .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0]+$/, "write the path of a file in the stack file's folder, or below it");

/** Where it is. */
export function besideStackFile(path: string): string {
    return join(__dirname, "..", path);
}

/** The settings of another stack file of the project as they are written there; undefined if there is none. */
export function settingsBeside(stack: string): Record<string, unknown> | undefined {
    let written: { config?: Record<string, unknown> } | undefined;
    try {
        written = yaml.load(readFileSync(join(process.cwd(), `Pulumi.${stack}.yaml`), "utf8")) as typeof written;
    } catch {
        return undefined;
    }
    const entries = Object.entries(written?.config ?? {}).map(([key, value]) => [key.replace(/^[^:]*:/, ""), value]);
    return Object.fromEntries(entries);
}

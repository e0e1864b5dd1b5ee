/** Files that a stack file names, in its own folder or below. */
import { join } from "node:path";
import { z } from "zod";

/** Such a file. */
export const pathBeside = z
    .string()
    .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0]+$/, "write the path of a file in the stack file's folder, or below it");

/** Where it is. */
export function besideStackFile(path: string): string {
    return join(__dirname, "..", path);
}

import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Names and content of all that is in these folders. */
export function digest(...folders: string[]): string {
    const hash = createHash("sha256");
    for (const path of folders.flatMap(pathsIn)) {
        hash.update(`${path}\n`);
        if (lstatSync(path).isFile()) {
            hash.update(readFileSync(path));
        }
    }
    return hash.digest("hex");
}

function pathsIn(folder: string): string[] {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names.sort().map((name) => join(folder, name));
}

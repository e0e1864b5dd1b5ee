import { run } from "../../command";

/**
 * How a folder differs from the one it was copied from.
 *
 * @param before the folder it was copied from; undefined if all is new.
 */
export async function changes(before: string | undefined, after: string): Promise<Changes> {
    const old = before === undefined ? new Map<string, string>() : await listing(before);
    const now = await listing(after);
    return compare(old, now);
}

/** What a layer has to say about the layers below it. */
export interface Changes {
    /** Paths to add or replace; parents before children. */
    changed: string[];
    /** Paths to take away; of a folder that is gone, only the folder. */
    gone: string[];
}

/** Compares two listings of path and properties. */
export function compare(old: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): Changes {
    const changed = [...now].filter(([path, properties]) => old.get(path) !== properties).map(([path]) => path);
    const lost = [...old.keys()].filter((path) => !now.has(path));
    // What lay in a folder that is gone, or is none any more, goes with it.
    const gone = lost.filter((path) => parent(path) === "" || now.get(parent(path))?.startsWith("d"));
    return { changed: changed.sort(), gone: gone.sort() };
}

async function listing(folder: string): Promise<Map<string, string>> {
    const format = "%P\\t%y %m %U %G %s %T@ %l\\0";
    const output = await run("find", [folder, "-mindepth", "1", "-printf", format]);
    const lines = output.split("\0").filter((line) => line !== "");
    return new Map(lines.map((line) => [line.slice(0, line.indexOf("\t")), line.slice(line.indexOf("\t") + 1)]));
}

function parent(path: string): string {
    return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

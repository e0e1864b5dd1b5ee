import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { installPackages } from "../../dev/packages";
import { ensureRclone } from "../../dev/rclone";
import type { Ends } from "./ends";

/** What is done to a place, one after the other. */
export const first = "first copy";
export const nothing = "nothing changed";
export const changed = "1 % changed";
/** The same without a new copy beside the last: what is there is changed, which nobody may use meanwhile. */
export const nothingInPlace = "nothing changed, in place";
export const changedInPlace = "1 % changed, in place";

export type Turn = typeof first | typeof nothing | typeof changed | typeof nothingInPlace | typeof changedInPlace;

/** One way to copy a tree. */
export interface Way {
    name: string;
    /** Permissions of its files, where production's are 0644; these if left out. */
    mode?: number;
    /**
     * What it can do, in the order in which it is done at a place that was empty before. `copy` makes a copy and returns its
     * path below the place.
     */
    turns: { turn: Turn; copy(source: string, place: string): Promise<string> }[];
}

/** rsync, of which a copy beside the last takes a hard link for what is unchanged. */
export function rsync(ends: Ends): Way {
    const copy = (turn: Turn, to: string, options: string[] = []) => ({
        turn,
        copy: async (source: string, place: string) => {
            await command(ends, "rsync", ["-a", "--delete", ...options, `${source}/`, `${join(place, to)}/`]);
            return to;
        },
    });
    return {
        name: "rsync -a",
        turns: [
            copy(first, "first"),
            copy(nothing, "second", ["--link-dest=../first"]),
            copy(nothingInPlace, "first"),
            copy(changed, "third", ["--link-dest=../second"]),
            copy(changedInPlace, "first"),
        ],
    };
}

/** cp, which only knows whole copies. */
export function cp(ends: Ends): Way {
    return { name: "cp -a", turns: [{ turn: first, copy: copied(ends, ["-a"]) }] };
}

/** Copies of what an own first copy has: one file for both, or shared blocks. */
export function cpOf(ends: Ends, name: "cp -al" | "cp -a --reflink=always", options: string[]): Way {
    return {
        name,
        turns: [
            { turn: first, copy: copied(ends, ["-a"]) },
            { turn: nothing, copy: (_, place) => copied(ends, options, "second")(join(place, "first"), place) },
        ],
    };
}

function copied(ends: Ends, options: string[], to = "first") {
    return async (source: string, place: string): Promise<string> => {
        await command(ends, "cp", [...options, source, join(place, to)]);
        return to;
    };
}

/** The others, as wide as suits the place; a program that cannot be had is left out, which is said. */
export async function otherWays(ends: Ends, width: number, files: number, folder: string): Promise<Way[]> {
    const ways = [rclone, fpsync].map((way) =>
        way(ends, width, files, folder).catch((error: Error) => {
            console.log(`not measured: ${error.message}`);
            return [];
        }),
    );
    return (await Promise.all(ways)).flat();
}

async function rclone(ends: Ends, width: number): Promise<Way[]> {
    const program = await ensureRclone();
    const sync = async (source: string, place: string) => {
        const wide = [`--transfers=${width}`, `--checkers=${2 * width}`];
        await command(ends, program, ["sync", "--config=/dev/null", ...wide, source, join(place, "first")]);
        return "first";
    };
    return [
        {
            name: `rclone sync, ${width} transfers`,
            turns: ([first, nothingInPlace, changedInPlace] as const).map((turn) => ({ turn, copy: sync })),
        },
    ];
}

async function fpsync(ends: Ends, width: number, files: number, folder: string): Promise<Way[]> {
    await installPackages(["fpart", "rsync"]);
    const copy = async (source: string, place: string) => {
        mkdirSync(join(place, "first"));
        const parts = ["-f", `${Math.ceil(files / width / 4)}`];
        const places = [`${source}/`, `${join(place, "first")}/`];
        await command(ends, "fpsync", ["-n", `${width}`, ...parts, "-t", join(folder, "fpsync"), ...places]);
        return "first";
    };
    return [{ name: `fpsync -n ${width}`, turns: [{ turn: first, copy }] }];
}

/** Runs a program with all that it starts, until it ends or the bench does. */
function command(ends: Ends, program: string, args: string[]): Promise<void> {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
    let said = "";
    child.stderr.on("data", (chunk) => {
        said += chunk;
    });
    return new Promise((resolve, reject) => {
        const closed = new Promise((end) => child.once("close", end));
        const ended = ends.add(() => {
            process.kill(-(child.pid ?? 0), "SIGKILL");
            return closed;
        });
        child.once("error", reject);
        child.once("close", (status) => {
            ended();
            return status === 0
                ? resolve()
                : reject(new Error(`${program} ended with status ${status}: ${said.slice(-500)}`));
        });
    });
}

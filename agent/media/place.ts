import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { volumeMarker } from "../../contract";
import { Refusal } from "../refusal";
import { unlessAbsent } from "./failure";

/** Where a folder stands on its file system, whatever it is mounted as. */
interface Place {
    /** The file system, by its device number. */
    system: string;
    path: string;
}

/**
 * Refuses a source and a volume of which one is the other, or within it: by inode and by their places on the file system,
 * so that neither links nor mounts of parts of it hide that.
 *
 * @throws {Refusal}
 */
export async function refuseSameFolder({ source, volume }: { source: string; volume: string }): Promise<void> {
    await refuseReplica(source);
    const mounts = await readFile("/proc/self/mountinfo", "utf8");
    const places = [placeOf(await realpath(source), mounts), placeOf(await realpath(volume), mounts)] as const;
    if (overlap(...places) || (await isAbove(source, volume)) || (await isAbove(volume, source))) {
        throw new Refusal(
            `The media source ${source} and the volume ${volume} are the same folder, or one is within the ` +
                "other: production's files are only read, so the replica needs a volume of its own.",
        );
    }
}

/**
 * Refuses a source that is a replica's volume.
 *
 * @throws {Refusal}
 */
export async function refuseReplica(source: string): Promise<void> {
    const marker = await stat(join(source, volumeMarker)).catch(unlessAbsent);
    if (marker !== undefined) {
        throw new Refusal(
            `The media source ${source} carries the marker ${volumeMarker}: it is a replica's volume, not production's.`,
        );
    }
}

/** Which machine this is, as long as it runs: the same in all of its containers. */
export async function machineId(): Promise<string> {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Whether a folder is another, or one of those above it. */
async function isAbove(outer: string, inner: string): Promise<boolean> {
    const identity = await identityOf(outer);
    for (let folder = await realpath(inner); ; folder = dirname(folder)) {
        if ((await identityOf(folder)) === identity) {
            return true;
        }
        if (dirname(folder) === folder) {
            return false;
        }
    }
}

function overlap(one: Place | undefined, other: Place | undefined): boolean {
    if (one === undefined || other === undefined || one.system !== other.system) {
        return false;
    }
    return isWithin(one.path, other.path) || isWithin(other.path, one.path);
}

function isWithin(inner: string, outer: string): boolean {
    return `${inner}/`.startsWith(outer.endsWith("/") ? outer : `${outer}/`);
}

/**
 * Where a real path stands on its file system.
 *
 * @param mounts what `/proc/self/mountinfo` holds
 */
export function placeOf(path: string, mounts: string): Place | undefined {
    const found = mounts
        .split("\n")
        .map((line) => line.split(" "))
        .map(([, , system = "", root = "", point = ""]) => ({ system, root: unescaped(root), point: unescaped(point) }))
        .filter(({ system, point }) => system !== "" && isWithin(path, point));
    // Of mounts over one another the last counts, and the innermost before all.
    const mount = found.sort((a, b) => a.point.length - b.point.length).at(-1);
    return mount && { system: mount.system, path: join(mount.root, path.slice(mount.point.length)) };
}

/** Spaces and the like are octal numbers there. */
function unescaped(text: string): string {
    return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Device and inode of a folder. */
export async function identityOf(path: string): Promise<string> {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
}

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DatabasePlan } from "../../contract";
import { Refusal } from "../refusal";
import { formatAge } from "../report";

/** One dump on the shared store. */
export interface Backup {
    path: string;
    /** File name. */
    name: string;
    /** When the dump was begun, as the file name says it. */
    stamp: string;
    /** The stamp as milliseconds since 1970. */
    time: number;
    /** What was dumped, as the file name says it: a database, or {@link serverSubject}. */
    subject: string;
    /** Size of the file. */
    bytes: number;
    /** Seconds from the stamp to now. */
    age: number;
}

/** A backup as its file name tells it. */
type Named = Omit<Backup, "path" | "bytes" | "age">;

/** What file names of dumps of a whole server have in the place of a database. */
export const serverSubject = "dumpall";

/** How production names its dumps. */
export function fileName(subject: string): string {
    return `backup-<time>Z-${subject}.sql.gz`;
}

/** What the plan says about the backup that it asks for. */
type Wanted = Pick<DatabasePlan, "backups" | "dump" | "name" | "backup" | "maximumAge">;

/** Clocks that differ by this many seconds are still taken for the same. */
const clockSkew = 300;

/**
 * Finds the backup that the plan asks for: exactly the stamp it names, or the latest, and never another one instead.
 *
 * @throws {Refusal} when the store is not there or empty, when the backup is not in it, too old or of the future
 */
export async function chooseBackup(plan: Wanted, now = Date.now()): Promise<Backup> {
    const folder = join(plan.backups, "hourly");
    const ours = await named(plan);
    const chosen = plan.backup === "latest" ? ours[0] : ours.find(({ stamp }) => stamp === plan.backup);
    if (chosen === undefined) {
        const newest = ours.slice(0, 3).map(({ stamp }) => stamp);
        throw new Refusal(
            `There is no backup of ${described(plan)} with stamp ${plan.backup} in ${folder}; ` +
                `the newest are ${newest.join(", ")}: set database.backup to one of these, or to latest.`,
        );
    }
    const age = (now - chosen.time) / 1000;
    refuseAge(chosen.stamp, age, plan);
    const path = join(folder, chosen.name);
    const file = await stat(path);
    if (!file.isFile() || file.size === 0) {
        throw new Refusal(
            `The backup ${path} ${file.isFile() ? "is empty" : "is not a file"}: make a new backup, ` +
                "or set database.backup to an earlier stamp.",
        );
    }
    return { ...chosen, path, bytes: file.size, age };
}

/**
 * The backups that the plan is about, the newest first, whatever their age.
 *
 * @throws {Refusal} when the store is not there, or holds none
 */
export async function backupsOf(plan: Wanted): Promise<(Named & Pick<Backup, "bytes">)[]> {
    const folder = join(plan.backups, "hourly");
    return Promise.all(
        (await named(plan)).map(async (entry) => ({ ...entry, bytes: (await stat(join(folder, entry.name))).size })),
    );
}

async function named(plan: Wanted): Promise<Named[]> {
    const folder = join(plan.backups, "hourly");
    const everything = (await list(plan.backups, folder)).map(parse).filter((entry) => entry !== undefined);
    const ours = everything
        .filter(({ subject }) => subject === subjectOf(plan))
        .sort((a, b) => b.time - a.time || (a.name < b.name ? 1 : -1));
    if (ours.length === 0) {
        throw new Refusal(noneOf(plan, folder, [...new Set(everything.map(({ subject }) => subject))]));
    }
    return ours;
}

function subjectOf({ dump, name }: Wanted): string {
    return dump === "server" ? serverSubject : name;
}

function described({ dump, name }: Wanted): string {
    return dump === "server" ? "a whole server" : `database ${name}`;
}

function refuseAge(stamp: string, age: number, plan: Wanted): void {
    if (age < -clockSkew) {
        throw new Refusal(
            `The backup ${stamp} of ${described(plan)} is dated ${formatAge(-age)} in the future: correct the clock ` +
                "that names the backups, or set database.backup to another stamp.",
        );
    }
    if (age > plan.maximumAge) {
        const which = plan.backup === "latest" ? "latest backup" : "backup";
        throw new Refusal(
            `The ${which} of ${described(plan)}, ${stamp}, is ${formatAge(age)} old, and the limit is ` +
                `${formatAge(plan.maximumAge)}: look why there is no newer one, or raise database.maximumAge.`,
        );
    }
}

async function list(store: string, folder: string): Promise<string[]> {
    try {
        return await readdir(folder);
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== "ENOENT") {
            throw new Refusal(`The store's folder ${folder} cannot be read (${code}): let the agent's user read it.`);
        }
    }
    const above = await readdir(store).catch(() => undefined);
    if (above === undefined) {
        throw new Refusal(`The backup store ${store} is not there: mount the folder that production's dumps go to.`);
    }
    const seen = above.length === 0 ? "it is empty" : `it holds ${above.sort().slice(0, 3).join(", ")}`;
    throw new Refusal(
        `The backup store ${store} has no folder hourly (${seen}): mount the folder that production's dumps go to.`,
    );
}

function noneOf(plan: Wanted, folder: string, subjects: string[]): string {
    if (subjects.length === 0) {
        return (
            `The store's folder ${folder} holds no backup at all (expected ${fileName(subjectOf(plan))}): ` +
            "look whether production's backups run, and whether the right folder is mounted."
        );
    }
    const databases = subjects.filter((subject) => subject !== serverSubject).sort();
    const few = databases.slice(0, 5).join(", ");
    const seen = [...(few === "" ? [] : [few]), ...(subjects.includes(serverSubject) ? ["a whole server"] : [])];
    return (
        `The store's folder ${folder} holds no backup of ${described(plan)}, only of ${seen.join(" and of ")}: ` +
        `${advice(plan, subjects)}, or mount the right folder.`
    );
}

/** The setting that fits what the store holds instead. */
function advice({ dump, name }: Wanted, subjects: string[]): string {
    if (dump === "server") {
        const other = subjects.includes(name) ? "" : " and database.name to one of these";
        return `set database.dump to database${other}`;
    }
    return subjects.includes(serverSubject)
        ? "set database.dump to server"
        : "set database.name to the database that is backed up there";
}

function parse(name: string): Named | undefined {
    const [, stamp, subject] = name.match(/^backup-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)-(.+)\.sql\.gz$/) ?? [];
    const time = Date.parse(stamp ?? "");
    return stamp === undefined || subject === undefined || Number.isNaN(time)
        ? undefined
        : { name, stamp, time, subject };
}

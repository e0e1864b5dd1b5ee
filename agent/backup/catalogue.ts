import type { Readable } from "node:stream";
import { type DatabasePlan, inProduction, type ReplicaDatabase } from "../../contract";
import { rotMark, serverSubject } from "../../contract/manifest";
import { Refusal } from "../refusal";
import { formatAge } from "../report";
import { ageOf, ageProblem, described } from "./age";
import { type NamedFile, openStore, type Store, type Stored, type StoredFile } from "./store";

/** One dump on the shared store. */
export interface Backup {
    /** Where it is, for people; where the file system has it, if it is {@link mounted}. */
    path: string;
    /** Whether it is in the file system, so that it can be sought. */
    mounted: boolean;
    /** Opens its file; of a folder, one of its files, or else the one with its table of contents. */
    open(file?: NamedFile): Readable;
    /** Whether it is not as it was when it was found. */
    changed(): Promise<boolean>;
    /** What a folder holds; absent if the backup is a file. */
    folder?: StoredFile[];
    /** What production's side has written down about it. */
    manifest?: { path: string; open(): Readable };
    /** Name of the file or folder. */
    name: string;
    /** When the dump was begun, as the file name says it. */
    stamp: string;
    /** The stamp as milliseconds since 1970. */
    time: number;
    /** What was dumped, as the file name says it: a database, or {@link serverSubject}. */
    subject: string;
    /** Size of the file, or of all files of the folder. */
    bytes: number;
    /** Seconds from the stamp to now. */
    age: number;
}

/** A backup as its file name tells it. */
type Named = Pick<Backup, "name" | "stamp" | "time" | "subject"> &
    Stored & {
        beside: Stored | undefined;
        /** Whether production's side has found it changed since it was made. */
        rotten: boolean;
    };

/** How production names its dumps, plain ones compressed with gzip. */
export function fileName(subject: string): string {
    return `backup-<time>Z-${subject}.sql.gz`;
}

/** Endings of file names; what a file holds, its first bytes tell. A folder has no ending. */
const ending = String.raw`\.sql|\.sql\.gz|\.sql\.xz|\.sql\.zst|\.sql\.bz2|\.dump|\.tar`;
const fileNames = new RegExp(String.raw`^(backup-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)-(.+?))(?:${ending})$`);
const folderNames = /^(backup-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)-([^.]+))$/;

/** What a folder has to hold to be an archive of pg_dump. */
const tableOfContents = "toc.dat";

/** What the plan says about the backups that it asks for. */
type Wanted = Pick<DatabasePlan, "backups" | "dump" | "databases" | "backup" | "maximumAge">;

/** The same about one of its databases. */
type WantedOne = Omit<Wanted, "databases"> & {
    name: string;
    /** Where the stack file has that name. */
    setting: string;
};

/** Seconds by which the newest backups of several databases may differ and still be of one run of the schedule. */
const oneRun = 900;

/**
 * Finds the backups that the plan asks for, one for each of its databases in their order: exactly the stamp it names, or
 * the latest, and never another one instead.
 *
 * @throws {Refusal} when the store is not there or empty, when a backup is not in it, too old or of the future, and
 *   when the latest ones are not of one run
 */
export async function chooseBackups(plan: Wanted, now = Date.now()): Promise<Backup[]> {
    const chosen: Backup[] = [];
    for (const one of each(plan)) {
        chosen.push(await chooseBackup(one, now));
    }
    refuseApart(chosen);
    return chosen;
}

/** The newest backups of several databases that one run of the schedule has not made do not fit together. */
function refuseApart(backups: Backup[]): void {
    const [oldest, ...later] = backups.toSorted((a, b) => a.time - b.time);
    const newest = later.at(-1);
    if (oldest !== undefined && newest !== undefined && newest.time - oldest.time > oneRun * 1000) {
        throw new Refusal(
            `The latest backups are not of one run: ${oldest.name} and ${newest.name} lie ` +
                `${formatAge((newest.time - oldest.time) / 1000)} apart, and the limit is ${formatAge(oneRun)}: look why ` +
                "there is no newer one of the former, or set database.backup to a stamp that all have.",
        );
    }
}

/** What the plan says about each of its databases. */
function each({ databases, ...plan }: Wanted): WantedOne[] {
    return databases.map((database, at) => ({
        ...plan,
        name: inProduction(database).name,
        setting: nameSetting(database, at),
    }));
}

/** Setting with the name that the plan's first, second, … database has in production. */
export function nameSetting({ production }: ReplicaDatabase, at: number): string {
    const setting = production === undefined ? "name" : "production.name";
    return at === 0 ? `database.${setting}` : `database.others.${at - 1}.${setting}`;
}

async function chooseBackup(plan: WantedOne, now: number): Promise<Backup> {
    const store = openStore(plan.backups);
    const ours = await named(plan);
    const chosen =
        plan.backup === "latest"
            ? (ours.find(({ rotten }) => !rotten) ?? ours[0])
            : ours.find(({ stamp }) => stamp === plan.backup);
    if (chosen === undefined) {
        const newest = ours.slice(0, 3).map(({ stamp }) => stamp);
        throw new Refusal(
            `There is no backup of ${described(plan)} with stamp ${plan.backup} in ${store.folder}; ` +
                `the newest are ${newest.join(", ")}: set database.backup to one of these, or to latest.`,
        );
    }
    if (chosen.rotten) {
        throw new Refusal(
            `The backup ${chosen.name} in ${store.folder} has changed since it was made, as production's verify-store has ` +
                "found: make a new backup, or set database.backup to another stamp.",
        );
    }
    const problem = ageProblem(plan, chosen.stamp, now);
    if (problem !== undefined) {
        throw new Refusal(problem);
    }
    const twins = ours.filter(({ stamp }) => stamp === chosen.stamp);
    if (twins.length > 1) {
        throw new Refusal(
            `The store's folder ${store.folder} has the backup ${chosen.stamp} of ${described(plan)} more than once ` +
                `(${twins.map(({ name }) => name).join(", ")}): remove all but one of them.`,
        );
    }
    return opened(store, chosen, ageOf(chosen.stamp, now));
}

function opened(store: Store, { beside, rotten: _, ...chosen }: Named, age: number): Backup {
    const { folder, mounted } = store;
    const path = `${folder}/${chosen.name}`;
    const again = "make a new backup, or set database.backup to an earlier stamp";
    const contents = chosen.isFile ? chosen : chosen.files?.find(({ name }) => name === tableOfContents);
    if (contents === undefined || (!chosen.isFile && !folderNames.test(chosen.name))) {
        throw new Refusal(`The backup ${path} is not a file, nor a folder that pg_dump has made: ${again}.`);
    }
    if (contents.bytes === 0) {
        throw new Refusal(`The backup ${path} is empty: ${again}.`);
    }
    const { isFile } = chosen;
    return {
        ...chosen,
        path,
        mounted,
        open: (file = contents) => store.open(isFile ? file : { ...file, name: `${chosen.name}/${file.name}` }),
        changed: () => store.changed(chosen),
        ...(chosen.files !== undefined && { folder: chosen.files }),
        ...(beside !== undefined && {
            manifest: { path: `${folder}/${beside.name}`, open: () => store.open(beside) },
        }),
        age,
    };
}

/**
 * The backups that hold all of the plan's databases, the newest first, whatever their age: what database.backup may be.
 *
 * @throws {Refusal} when the store is not there, or holds none
 */
export async function backupsOf(plan: Wanted): Promise<Pick<Backup, "stamp" | "time" | "bytes">[]> {
    const { folder } = openStore(plan.backups);
    const wanted = plan.dump === "server" ? each(plan).slice(0, 1) : each(plan);
    const [first = [], ...others] = await Promise.all(
        wanted.map(async (one) => (await named(one)).filter(({ rotten }) => !rotten)),
    );
    const sets = first
        .map((entry) => ({
            entry,
            files: [entry, ...others.flatMap((other) => other.filter(({ stamp }) => stamp === entry.stamp))],
        }))
        .filter(({ files }) => files.length === wanted.length);
    if (sets.length === 0) {
        const names = wanted.map(({ name }) => name).join(", ");
        throw new Refusal(
            `The store's folder ${folder} has no stamp that the backups of all of ${names} have: set database.backup ` +
                "to latest, or let one run of production's schedule dump them all under one stamp.",
        );
    }
    return sets.map(({ entry: { stamp, time }, files }) => {
        return { stamp, time, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
    });
}

async function named(plan: WantedOne): Promise<Named[]> {
    const { folder, list } = openStore(plan.backups);
    const all = await list();
    const byName = new Map(all.map((stored) => [stored.name, stored]));
    const everything = all.map((stored) => parse(stored, byName)).filter((entry) => entry !== undefined);
    const ours = everything
        .filter(({ subject }) => subject === subjectOf(plan))
        .sort((a, b) => b.time - a.time || (a.name < b.name ? 1 : -1));
    if (ours.length === 0) {
        throw new Refusal(noneOf(plan, folder, [...new Set(everything.map(({ subject }) => subject))]));
    }
    return ours;
}

function subjectOf({ dump, name }: WantedOne): string {
    return dump === "server" ? serverSubject : name;
}

function noneOf(plan: WantedOne, folder: string, subjects: string[]): string {
    if (subjects.length === 0) {
        return (
            `The store's folder ${folder} holds no backup at all (expected ${fileName(subjectOf(plan))}): ` +
            "look whether production's backups run, and whether source.database names the right place."
        );
    }
    const databases = subjects.filter((subject) => subject !== serverSubject).sort();
    const few = databases.slice(0, 5).join(", ");
    const seen = [...(few === "" ? [] : [few]), ...(subjects.includes(serverSubject) ? ["a whole server"] : [])];
    return (
        `The store's folder ${folder} holds no backup of ${described(plan)}, only of ${seen.join(" and of ")}: ` +
        `${advice(plan, subjects)}, or let source.database name the right place.`
    );
}

/** The setting that fits what the store holds instead. */
function advice({ dump, name, setting }: WantedOne, subjects: string[]): string {
    if (dump === "server") {
        const other = subjects.includes(name) ? "" : ` and ${setting} to one of these`;
        return `set database.dump to database${other}`;
    }
    return subjects.includes(serverSubject)
        ? "set database.dump to server"
        : `set ${setting} to the database that is backed up there`;
}

function parse(stored: Stored, all: Map<string, Stored>): Named | undefined {
    const { name, isFile } = stored;
    const [, stem, stamp, subject] = fileNames.exec(name) ?? (isFile ? null : folderNames.exec(name)) ?? [];
    const time = Date.parse(stamp ?? "");
    return stamp === undefined || subject === undefined || Number.isNaN(time)
        ? undefined
        : { ...stored, stamp, time, subject, beside: all.get(`${stem}.json`), rotten: all.has(rotMark(stem ?? "")) };
}

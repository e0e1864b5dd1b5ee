import { type Client, escapeIdentifier as name } from "pg";
import { type DatabasePlan, generationId, generationName } from "../../contract";
import { type DatabaseReport, databaseReport } from "../../contract/report";
import type { Backup } from "../backup/catalogue";
import { hashFiles, hashOf } from "../backup/manifest";
import { log } from "../report";
import type { Server } from "./server";

/**
 * What a backup came to, kept untouched: nobody can connect to it, and a later generation of the same backup under the
 * same rules is cloned from it inside the server instead of being restored again.
 */
export interface Base {
    id: string;
    /** Hash of what shapes a copy besides its backup. */
    rules: string;
    databases: BaseDatabase[];
}

interface BaseDatabase {
    name: string;
    /** Whether it is there. */
    present: boolean;
    /** What was proven when its backup was restored; undefined until the base is finished. */
    report: DatabaseReport | undefined;
}

/** A base from which the plan's generation can be cloned: what was proven of each of its databases, by name. */
export interface Match {
    id: string;
    reports: Map<string, DatabaseReport>;
}

/**
 * Name of a base's database.
 *
 * @example baseName("shop", "0a1b2c3d4e") // "shop__0a1b2c3d4e_base"
 */
export function baseName(database: string, base: string): string {
    return `${generationName(database, base)}_base`;
}

/** The bases on the server, the oldest first. */
export async function readBases(admin: Client): Promise<Base[]> {
    const databases = await admin.query<{ datname: string }>("select datname from pg_database");
    const there = new Set(databases.rows.map(({ datname }) => datname));
    const { rows } = await admin.query<{ id: string; rules: string; name: string; report: unknown }>(
        "select id, rules, name, report from understudy.base order by created, id, position",
    );
    const bases = new Map<string, Base>();
    for (const { id, rules, name: database, report } of rows) {
        const present = there.has(baseName(database, id));
        const base = bases.get(id) ?? { id, rules, databases: [] };
        base.databases.push({ name: database, present, report: databaseReport.safeParse(report).data });
        bases.set(id, base);
    }
    return [...bases.values()];
}

/** Names of a base's databases. */
export function baseNames({ id, databases }: Base): string[] {
    return databases.map((database) => baseName(database.name, id));
}

/** Whether a base is all there and proven; what an interrupted run has left is not. */
export function isFinished({ databases }: Base): boolean {
    return databases.every(({ present, report }) => present && report !== undefined);
}

/** Finds the base that was made of exactly these backups under the plan's rules: file by file, by their content. */
export async function findBase(bases: Base[], plan: DatabasePlan, backups: Backup[]): Promise<Match | undefined> {
    const hashes = new Map<string, Promise<string>>();
    for (const base of bases.filter((one) => one.rules === plan.rules && isFinished(one))) {
        const reports = new Map(base.databases.map(({ name: database, report }) => [database, report]));
        const fits = plan.databases.map(async ({ name: database }, at) => {
            const [report, backup] = [reports.get(database), backups[at]];
            if (backup === undefined || report?.backup !== backup.name || report.backupBytes !== backup.bytes) {
                return false;
            }
            const hash = hashes.get(backup.path) ?? contentOf(backup);
            hashes.set(backup.path, hash);
            return (await hash) === report.sha256;
        });
        if ((await Promise.all(fits)).every(Boolean)) {
            return { id: base.id, reports: reports as Match["reports"] };
        }
    }
    return undefined;
}

async function contentOf(backup: Backup): Promise<string> {
    log(`comparing ${backup.name} with the base of it`);
    return hashOf(backup, await hashFiles(backup));
}

/** Makes one database of the plan's generation out of a base's. */
export async function cloneBase(
    { admin, major }: Server,
    { generation }: DatabasePlan,
    { name: database, owner }: DatabasePlan["databases"][number],
    base: string,
): Promise<string> {
    const clone = generationName(database, generation);
    await copyDatabase(admin, major, baseName(database, base), clone, owner);
    return clone;
}

/**
 * Keeps a base of the plan's generation, to which nobody may be connected.
 *
 * @param reports what was proven of its databases
 * @returns whether one was made: a base of the same backups may be there already
 */
export async function keepBase(
    { admin, major }: Server,
    plan: DatabasePlan,
    reports: Map<string, DatabaseReport>,
): Promise<boolean> {
    const id = baseId(plan.rules, reports);
    const there = (await readBases(admin)).find((base) => base.id === id);
    if (there !== undefined && isFinished(there)) {
        return false;
    }
    if (there !== undefined) {
        await removeBase(admin, there);
    }
    await admin.query(
        `insert into understudy.base (id, name, position, rules)
         select $1, name, number - 1, $3 from unnest($2::text[]) with ordinality as each (name, number)`,
        [id, plan.databases.map((database) => database.name), plan.rules],
    );
    for (const { name: database, owner } of plan.databases) {
        const base = baseName(database, id);
        await copyDatabase(admin, major, generationName(database, plan.generation), base, owner);
        await admin.query(`alter database ${name(base)} with allow_connections false is_template true`);
    }
    await admin.query("update understudy.base set report = $2::jsonb -> name where id = $1", [
        id,
        Object.fromEntries(reports),
    ]);
    return true;
}

/** The base that a generation with these reports was cloned from, or that was kept of it. */
export function baseId(rules: string, reports: Map<string, DatabaseReport>): string {
    return generationId({
        rules,
        ...Object.fromEntries([...reports].map(([database, { sha256 }]) => [`sha256 of ${database}`, sha256])),
    });
}

/** Drops a base. May be interrupted and run again. */
export async function removeBase(admin: Client, { id, databases }: Base): Promise<void> {
    await admin.query("update understudy.base set report = null where id = $1", [id]);
    for (const { name: database, present } of databases) {
        if (present) {
            const base = name(baseName(database, id));
            await admin.query(`alter database ${base} is_template false`);
            await admin.query(`drop database ${base}`);
        }
    }
    await admin.query("delete from understudy.base where id = $1", [id]);
}

/**
 * Removes a base of which a clone could not be proven.
 *
 * @param error why not
 * @returns the same, with what to do now
 */
export async function discardBase(admin: Client, id: string, error: unknown): Promise<Error> {
    const base = (await readBases(admin)).find((one) => one.id === id);
    if (base !== undefined) {
        await removeBase(admin, base);
    }
    const reason = error instanceof Error ? error.message : String(error);
    return new Error(
        `${reason.replace(/[.\s]*$/, "")}. The base of the copy is removed: run again, and the backup is restored.`,
    );
}

/** Copies files, not rows through the write-ahead log: a large database would fill the log. */
async function copyDatabase(admin: Client, major: number, from: string, to: string, owner: string): Promise<void> {
    const strategy = major >= 15 ? "strategy file_copy" : "";
    await admin.query(`create database ${name(to)} template ${name(from)} owner ${name(owner)} ${strategy}`);
    await admin.query(`revoke all on database ${name(to)} from public`);
}

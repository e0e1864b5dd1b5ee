import { type Client, escapeIdentifier as name } from "pg";
import { type DatabasePlan, generationId, generationName } from "../../contract";
import { type DatabaseReport, databaseReport } from "../../contract/report";
import type { Checked } from "../backup/checked";
import { hashFiles, hashOf } from "../backup/manifest";
import { log } from "../report";
import { copyDatabase } from "./copy";
import { canChangeOwner } from "./owner";
import { databaseNames, type Server } from "./server";

/**
 * What a backup came to, kept untouched: nobody can connect to it, and a later generation of the same backup under the
 * same rules, of whatever stack, is cloned from it inside the server instead of being restored again.
 */
export interface Base {
    id: string;
    /** Hash of what shapes a copy besides its backup. */
    rules: string;
    databases: BaseDatabase[];
}

interface BaseDatabase {
    /** What the stack that made it calls it, and whose it is there. */
    name: string;
    owner: string;
    /** Whether it is there. */
    present: boolean;
    /** What was proven when its backup was restored; undefined until the base is finished. */
    report: DatabaseReport | undefined;
}

/** A database of a base, which one of the plan's is cloned from. */
export interface Template {
    /** Name on the server. */
    database: string;
    /** Role that owns what is in it. */
    owner: string;
    /** What was proven of it. */
    report: DatabaseReport;
}

/** A base from which the plan's generation can be cloned, with a template for each of the plan's databases, by name. */
export interface Match {
    id: string;
    templates: Map<string, Template>;
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
    const { rows } = await admin.query<{ id: string; rules: string; name: string; owner: string; report: unknown }>(
        "select id, rules, name, owner, report from understudy.base order by created, id, position",
    );
    const there = await databaseNames(admin);
    const bases = new Map<string, Base>();
    for (const { id, rules, name: database, owner, report } of rows) {
        const present = there.has(baseName(database, id));
        const base = bases.get(id) ?? { id, rules, databases: [] };
        base.databases.push({ name: database, owner, present, report: databaseReport.safeParse(report).data });
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

/** The bases that copies under the plan's rules can be cloned from: made under these, and free of the plan's owners. */
export async function findMatches(server: Server, bases: Base[], { rules, databases }: DatabasePlan): Promise<Match[]> {
    const matches: Match[] = [];
    for (const { id, databases: made } of bases.filter((base) => base.rules === rules && isFinished(base))) {
        const templates: Match["templates"] = new Map();
        for (const [at, { name: wanted, owner: heir }] of databases.entries()) {
            // Equal rules name the same databases in the same order.
            const { name: database, owner, report } = made[at] ?? {};
            if (database !== undefined && owner !== undefined && report !== undefined) {
                const template = { database: baseName(database, id), owner, report };
                if (await canChangeOwner(server, template, heir)) {
                    templates.set(wanted, template);
                }
            }
        }
        if (templates.size === databases.length) {
            matches.push({ id, templates });
        }
    }
    return matches;
}

/**
 * Finds the one that was made of exactly these backups: file by file, by their content. A manifest tells it, so that the
 * files are not read.
 */
export async function findBase(matches: Match[], plan: DatabasePlan, backups: Checked[]): Promise<Match | undefined> {
    const hashes = new Map<string, Promise<string>>();
    for (const match of matches) {
        const fits = plan.databases.map(async ({ name: database }, at) => {
            const [report, backup] = [match.templates.get(database)?.report, backups[at]];
            if (backup === undefined || report?.backup !== backup.name || report.backupBytes !== backup.bytes) {
                return false;
            }
            const hash = hashes.get(backup.path) ?? contentOf(backup);
            hashes.set(backup.path, hash);
            return (await hash) === report.sha256;
        });
        if ((await Promise.all(fits)).every(Boolean)) {
            return match;
        }
    }
    return undefined;
}

async function contentOf(backup: Checked): Promise<string> {
    if (backup.facts !== undefined) {
        const named = Object.entries(backup.facts.files).map(([name, { sha256 }]) => [name, sha256] as const);
        return hashOf(backup, new Map(named));
    }
    log(`comparing ${backup.name} with the base of it`);
    return hashOf(backup, await hashFiles(backup));
}

/** Makes one database of the plan's generation out of a base's. */
export async function cloneBase(
    { admin, major }: Server,
    { generation }: DatabasePlan,
    { name: database, owner }: DatabasePlan["databases"][number],
    template: string,
): Promise<string> {
    const clone = generationName(database, generation);
    await copyDatabase(admin, major, template, clone, owner);
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
    const id = baseId(plan.rules, [...reports.values()]);
    const there = (await readBases(admin)).find((base) => base.id === id);
    if (there !== undefined && isFinished(there)) {
        return false;
    }
    if (there !== undefined) {
        await removeBase(admin, there);
    }
    await admin.query(
        `insert into understudy.base (id, name, owner, position, rules)
         select $1, name, owner, number - 1, $4
           from unnest($2::text[], $3::text[]) with ordinality as each (name, owner, number)`,
        [id, plan.databases.map((database) => database.name), plan.databases.map(({ owner }) => owner), plan.rules],
    );
    for (const { name: database } of plan.databases) {
        const base = baseName(database, id);
        await copyDatabase(admin, major, generationName(database, plan.generation), base);
        await admin.query(`alter database ${name(base)} with allow_connections false is_template true`);
    }
    await admin.query("update understudy.base set report = $2::jsonb -> name where id = $1", [
        id,
        Object.fromEntries(reports),
    ]);
    return true;
}

/** The base that a generation with these reports was cloned from, or that was kept of it. */
export function baseId(rules: string, reports: DatabaseReport[]): string {
    return generationId({ rules, sha256: reports.map(({ sha256 }) => sha256).join(", ") });
}

/** Drops a base. May be interrupted and run again. */
export async function removeBase(admin: Client, { id, databases }: Base): Promise<void> {
    await admin.query("update understudy.base set report = null where id = $1", [id]);
    for (const { name: database, present } of databases) {
        if (present) {
            const base = name(baseName(database, id));
            await admin.query(`alter database ${base} is_template false`);
            await admin.query(`drop database ${base} with (force)`);
        }
    }
    await admin.query("delete from understudy.base where id = $1", [id]);
}

/** Removes a base of which a clone could not be proven. */
export async function discardBase(admin: Client, id: string): Promise<void> {
    const base = (await readBases(admin)).find((one) => one.id === id);
    if (base !== undefined) {
        await removeBase(admin, base);
    }
}

import type { Client } from "pg";
import { inProduction, type Plan } from "../../contract";
import { type Manifest, manifestSchema } from "../../contract/manifest";
import { type Backup, chooseBackups } from "../backup/catalogue";
import type { Checked } from "../backup/checked";
import { readHeader } from "../backup/header";
import { readManifest, refuseOtherTag } from "../backup/manifest";
import { Refusal } from "../refusal";
import { refuseWithoutAmcheck } from "./amcheck";
import type { Match } from "./base";
import { extensionProblem } from "./extensions";
import { currentNames, readAllGenerations } from "./generations";
import { refuseUnfitLocale } from "./locale";
import { refuseUnfitPsql } from "./psql";
import { readRoom, refuseWithoutRoom } from "./room";
import { productionsOwn, type Server } from "./server";
import { roleProblem } from "./stage";

/** What may speak against the restore, before anything is changed for it. Returns a backup for each database. */
export async function guard(plan: Plan, server: Server): Promise<Checked[]> {
    const { admin, major, version } = server;
    const { database } = plan;
    for (const { owner } of database.databases) {
        const problem = await roleProblem(admin, owner);
        if (problem !== undefined) {
            throw new Refusal(`${problem}.`);
        }
    }
    await refuseOthersRole(admin, plan);
    await refuseUnfitPsql(major);
    await refuseUnfitLocale(server, database);
    if (database.amcheck) {
        await refuseWithoutAmcheck(admin);
    }
    const backups = await chooseBackups(database);
    const files = new Map<string, Checked>();
    for (const backup of new Map(backups.map((backup) => [backup.path, backup])).values()) {
        const header = await readHeader(backup, database.dump);
        if (Number.parseInt(header.serverVersion, 10) > major) {
            throw new Refusal(
                `The backup ${backup.name} is of PostgreSQL ${header.serverVersion}, and the replica's server is ${version}: ` +
                    "it has to be of production's major version (database.image, or the server of database.server).",
            );
        }
        const facts = await readManifest(backup, manifestSchema, { dump: database.dump });
        if (facts?.server.systemIdentifier === server.identifier) {
            throw productionsOwn(database, server.identifier, `, on which ${backup.name} was made`);
        }
        refuseOtherTag(plan, backup, facts);
        await refuseExtensions(plan, server, backup, facts);
        files.set(backup.path, { ...backup, header, ...(facts !== undefined && { facts }) });
    }
    return backups.flatMap(({ path }) => files.get(path) ?? []);
}

/** A role that another stack's dump has brought must not become the plan's owner. */
async function refuseOthersRole(admin: Client, { stack, database: { databases } }: Plan): Promise<void> {
    for (const other of (await readAllGenerations(admin)).filter((one) => one.stack !== stack)) {
        const { rows } = await admin.query<{ role: string; database: string }>(
            `select rolname as role, datname as database
               from pg_shdepend s join pg_roles r on r.oid = refobjid join pg_database d on d.oid = dbid
              where refclassid = 'pg_authid'::regclass and deptype = 'o' and rolname = any ($1) and datname = any ($2)`,
            [databases.map(({ owner }) => owner), currentNames(other)],
        );
        if (rows[0] !== undefined) {
            throw new Refusal(
                `Role ${rows[0].role} owns what is in database ${rows[0].database} of stack ${other.stack}: set another ` +
                    "database.owner (or in database.others).",
            );
        }
    }
}

/** Without a manifest, the load tells. */
async function refuseExtensions(
    { database }: Plan,
    { admin, version }: Server,
    { name: file }: Backup,
    facts: Manifest | undefined,
): Promise<void> {
    const named = database.databases.flatMap((one) =>
        Object.entries(facts?.databases[inProduction(one).name]?.extensions ?? {}),
    );
    const wanted = new Map(named.map(([name, version]) => [name, `${name} ${version}`]));
    const problem = await extensionProblem(admin, version, database.extensions, wanted);
    if (problem !== undefined) {
        throw new Refusal(`The backup ${file} ${problem}.`);
    }
}

/** Refuses when the copy, and the base that is to stay of it, do not fit. `leftovers` are databases that go first. */
export async function guardRoom(
    { database: { capacity, databases, keepBase } }: Plan,
    { admin }: Server,
    backups: Checked[],
    base: Match | undefined,
    leftovers: string[],
): Promise<void> {
    if (capacity !== undefined) {
        const files = new Map(backups.map(({ path, bytes }) => [path, bytes]));
        const names = databases.map(({ name }) => name);
        const known = databases.flatMap(
            (one, at) => backups[at]?.facts?.databases[inProduction(one).name]?.bytes ?? [],
        );
        refuseWithoutRoom({
            capacity,
            ...(known.length === names.length && { known: known.reduce((sum, bytes) => sum + bytes, 0) }),
            copies: keepBase && base === undefined ? 2 : 1,
            backup: [...files.values()].reduce((sum, bytes) => sum + bytes, 0),
            ...(await readRoom(admin, names, leftovers)),
        });
    }
}

import { escapeIdentifier } from "pg";
import type { DatabasePlan, Plan, ReplicaDatabase } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { type Backup, chooseBackups } from "../backup/catalogue";
import { DatabaseFrame } from "../backup/frame";
import { readHeader } from "../backup/header";
import { ServerFrame } from "../backup/server-frame";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, Phases, plural } from "../report";
import {
    currentNames,
    describeGeneration,
    type Generation,
    isWhole,
    readGenerations,
    recordBegun,
    recordProven,
    removeGeneration,
} from "./generations";
import { load } from "./load";
import { prove } from "./prove";
import { refuseUnfitPsql } from "./psql";
import { readRoom, refuseWithoutRoom, unknownRoom } from "./room";
import { openServer, readSecret, type Server } from "./server";
import { createLogin, handOver, openPublicSchema, roleProblem, setStage } from "./stage";

/**
 * Makes the plan's generation beside the live one, one database after the other, and proves all of it. Nothing that is
 * in use changes.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws {Refusal} when a guard speaks, before anything has changed, or when a dump of a whole server turns out not to
 *   hold a database; what was made for it is removed again
 * @throws {Error} when a restore or its proof fails; what was made for it is removed again, unless it is to be kept
 */
export async function prepareDatabase(plan: Plan, signal: AbortSignal): Promise<string> {
    const { database } = plan;
    const password = await readSecret(database.loginPasswordFile);
    const server = await openServer(plan, "prepare-database");
    try {
        const generations = await readGenerations(server.admin, database);
        const there = generations.find(({ id }) => id === database.generation);
        if (there !== undefined && there.state !== "preparing" && isWhole(there)) {
            return `${describeGeneration(there.id, there.databases)} is already there (${there.state}): nothing to do.`;
        }
        const leftovers = generations.filter(({ id, state }) => state === "preparing" || id === database.generation);
        const backups = await guard(plan, server, leftovers);

        for (const leftover of leftovers) {
            log(`removing generation ${leftover.id}, which an earlier run left unfinished`);
            await removeGeneration(server.admin, leftover.id, leftover.databases);
        }
        return await restoreAll(plan, server, backups, password, signal);
    } finally {
        await server.close();
    }
}

/** Everything that may speak against the restore, before anything is changed for it. Returns a backup for each database. */
async function guard(
    { database }: Plan,
    { admin, major, version }: Server,
    leftovers: Generation[],
): Promise<Backup[]> {
    for (const { owner } of database.databases) {
        const problem = await roleProblem(admin, owner);
        if (problem !== undefined) {
            throw new Refusal(`${problem}.`);
        }
    }
    await refuseUnfitPsql(major);
    const backups = await chooseBackups(database);
    const files = new Map(backups.map((backup) => [backup.path, backup]));
    for (const backup of files.values()) {
        const { serverVersion } = await readHeader(backup, database.dump);
        if (Number.parseInt(serverVersion, 10) > major) {
            throw new Refusal(
                `The backup ${backup.name} is of PostgreSQL ${serverVersion}, and the replica's server is ${version}: ` +
                    "it has to be of production's major version (database.image, or the server of database.server).",
            );
        }
    }
    const names = database.databases.map(({ name }) => name);
    if (database.capacity !== undefined) {
        refuseWithoutRoom({
            capacity: database.capacity,
            backup: [...files.values()].reduce((sum, { bytes }) => sum + bytes, 0),
            ...(await readRoom(admin, names, leftovers.flatMap(currentNames))),
        });
    }
    return backups;
}

async function restoreAll(
    { database, keepFailed }: Plan,
    server: Server,
    backups: Backup[],
    password: string,
    signal: AbortSignal,
): Promise<string> {
    const { generation, databases } = database;
    const start = performance.now();
    try {
        await recordBegun(server.admin, database);
        const reports = new Map<string, DatabaseReport>();
        for (const [at, wanted] of databases.entries()) {
            const backup = backups[at] as Backup;
            reports.set(wanted.name, await restore(database, wanted, server, backup, signal));
        }
        await createLogin(server, database, password);
        signal.throwIfAborted();
        await recordProven(server.admin, generation, reports);
        const seconds = Math.round(performance.now() - start) / 1000;
        return `${describeGeneration(generation, databases)} is restored and proven: ${summary(reports, backups, seconds)}`;
    } catch (error) {
        if (keepFailed) {
            const reason = error instanceof Error ? error.message : String(error);
            const kept = `${describeGeneration(generation, databases)} is kept as it is until the next run`;
            throw new Error(`${reason.replace(/[.\s]*$/, "")}. ${kept}.`);
        }
        await removeGeneration(server.admin, generation, databases).catch(() => {
            log(`generation ${generation} could not be removed; the next run will do it`);
            // A refusal would say that nothing was changed.
            throw error instanceof Refusal ? new Error(error.message) : error;
        });
        throw error;
    }
}

/** Restores one of the databases aside and proves it. */
async function restore(
    plan: DatabasePlan,
    wanted: ReplicaDatabase,
    server: Server,
    backup: Backup,
    signal: AbortSignal,
): Promise<DatabaseReport> {
    const { generation, dump } = plan;
    const phases = new Phases();
    log(
        `restoring ${wanted.name} from ${backup.name} (${formatBytes(backup.bytes)}, ${formatAge(backup.age)} old) ` +
            `as ${generation}`,
    );
    try {
        const stage = await setStage(server, plan, wanted);
        const frame = dump === "server" ? new ServerFrame(wanted.name, backup.name, plan) : new DatabaseFrame();
        const loaded = await phases.run("load", async (watch) => {
            await withClient(server, stage.database, signal, (client) => openPublicSchema(client, stage));
            return load({
                backup,
                frame,
                target: {
                    ...plan.server,
                    user: stage.cast.standIn,
                    password: stage.password,
                    database: stage.database,
                    applicationName: `understudy prepare-database ${generation}`,
                },
                cast: stage.cast,
                ensureRole: stage.ensureRole,
                watch,
                signal,
            });
        });
        // Settings that the dump's statements have left on the database would hold for the next connections as well.
        await server.admin.query(`alter database ${escapeIdentifier(stage.database)} reset all`);
        const proof = await withClient(server, stage.database, signal, async (client) => {
            const found = await phases.run("prove", () => prove(client, loaded.tally));
            await handOver(server, client, stage, loaded.deferred);
            await phases.run("analyze", () => client.query("analyze"));
            return found;
        });
        signal.throwIfAborted();
        return {
            dump,
            backup: backup.name,
            stamp: backup.stamp,
            backupBytes: backup.bytes,
            databaseBytes: await databaseSize(server, stage.database),
            sha256: loaded.sha256,
            ...proof,
            unknown: [...server.unknown, ...unknownRoom(plan.capacity), ...proof.unknown],
            skipped: [...loaded.skipped],
            leftOut: frame.leftOut(),
            phases: phases.finished,
        };
    } catch (error) {
        signal.throwIfAborted();
        throw plan.databases.length === 1 ? error : naming(wanted, error);
    }
}

/** The reason, with the database that it is about. */
function naming({ name }: ReplicaDatabase, error: unknown): Error {
    const sentence = `database ${name}: ${error instanceof Error ? error.message : String(error)}`;
    return error instanceof Refusal ? new Refusal(sentence) : new Error(sentence);
}

async function withClient<T>(
    server: Server,
    database: string,
    signal: AbortSignal,
    work: (client: Awaited<ReturnType<Server["connect"]>>) => Promise<T>,
): Promise<T> {
    const client = await server.connect(database);
    // A long query would not end by itself when the run is stopped.
    const stop = () => void client.end();
    signal.addEventListener("abort", stop);
    try {
        return await work(client);
    } catch (error) {
        signal.throwIfAborted();
        throw error;
    } finally {
        signal.removeEventListener("abort", stop);
        await client.end();
    }
}

async function databaseSize({ admin }: Server, database: string): Promise<number> {
    const { rows } = await admin.query<{ size: string }>("select pg_database_size($1::text) as size", [database]);
    return Number(rows[0]?.size);
}

function summary(reports: Map<string, DatabaseReport>, backups: Backup[], seconds: number): string {
    const all = [...reports.values()];
    const each = [...reports].map(([name, { backup: file, backupBytes, tables }], at) => {
        const from = reports.size === 1 ? file : `${name} from ${file}`;
        const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
        return (
            `${from} (${formatBytes(backupBytes)}, ${formatAge(backups[at]?.age ?? 0)} old), ` +
            `${plural(rows, "row")} in ${plural(Object.keys(tables).length, "table")}`
        );
    });
    const unknown = [...new Set(all.flatMap((report) => report.unknown))];
    const leftOut = [...new Set(all.flatMap((report) => report.leftOut))];
    const rest = leftOut.length === 0 ? "" : ` Left out of the whole server's dump: ${leftOut.join("; ")}.`;
    const open = unknown.length === 0 ? "" : ` Not known: ${unknown.join("; ")}.`;
    return `${each.join("; ")}, in ${seconds} s.${open}${rest}`;
}

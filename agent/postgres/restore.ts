import { escapeIdentifier } from "pg";
import { type DatabaseReport, generationName, type Plan } from "../../contract";
import { type Backup, chooseBackup } from "../backup/catalogue";
import { DatabaseFrame } from "../backup/frame";
import { readHeader } from "../backup/header";
import { ServerFrame } from "../backup/server-frame";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, Phases, plural } from "../report";
import { type Generation, readGenerations, recordProven, removeGeneration } from "./generations";
import { load } from "./load";
import { prove } from "./prove";
import { refuseUnfitPsql } from "./psql";
import { readRoom, refuseWithoutRoom } from "./room";
import { openServer, readSecret, type Server } from "./server";
import { handOver, openPublicSchema, roleProblem, setStage } from "./stage";

/**
 * Makes the plan's generation of the database beside the live one and proves it. Nothing that is in use changes.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws {Refusal} when a guard speaks, before anything has changed, or when a dump of a whole server turns out not to
 *   hold the database; what was made for it is removed again
 * @throws {Error} when the restore or its proof fails; what was made for it is removed again, unless it is to be kept
 */
export async function prepareDatabase(plan: Plan, signal: AbortSignal): Promise<string> {
    const { database } = plan;
    const password = await readSecret(database.loginPasswordFile);
    const server = await openServer(plan, "prepare-database");
    try {
        const generations = await readGenerations(server.admin, database.name);
        const there = generations.find(({ id }) => id === database.generation);
        if (there?.present === true && there.state !== "preparing") {
            return `Generation ${there.id} of database ${there.name} is already there (${there.state}): nothing to do.`;
        }
        const leftovers = generations.filter(({ id, state }) => state === "preparing" || id === database.generation);
        const backup = await guard(plan, server, leftovers);

        for (const leftover of leftovers) {
            log(`removing generation ${leftover.id}, which an earlier run left unfinished`);
            await removeGeneration(server.admin, leftover);
        }
        return await restore(plan, server, backup, password, signal);
    } finally {
        await server.close();
    }
}

/** Everything that may speak against the restore, before anything is changed for it. */
async function guard({ database }: Plan, { admin, major, version }: Server, leftovers: Generation[]): Promise<Backup> {
    const problem = await roleProblem(admin, database.owner);
    if (problem !== undefined) {
        throw new Refusal(`${problem}.`);
    }
    await refuseUnfitPsql(major);
    const backup = await chooseBackup(database);
    const { serverVersion } = await readHeader(backup.path, database.dump);
    if (Number.parseInt(serverVersion, 10) > major) {
        throw new Refusal(
            `The backup ${backup.name} is of PostgreSQL ${serverVersion}, and the replica's server is ${version}: ` +
                "set database.image to production's major version.",
        );
    }
    const leaving = leftovers.map(({ database }) => database);
    refuseWithoutRoom({
        capacity: database.capacity,
        backup: backup.bytes,
        ...(await readRoom(admin, database.name, leaving)),
    });
    return backup;
}

async function restore(
    { database, keepFailed }: Plan,
    server: Server,
    backup: Backup,
    password: string,
    signal: AbortSignal,
): Promise<string> {
    const { generation, name } = database;
    const phases = new Phases();
    log(`restoring ${backup.name} (${formatBytes(backup.bytes)}, ${formatAge(backup.age)} old) as ${generation}`);
    try {
        const stage = await setStage(server, database);
        const frame = database.dump === "server" ? new ServerFrame(name, backup.name) : new DatabaseFrame();
        const loaded = await phases.run("load", async () => {
            await withClient(server, stage.database, signal, (client) => openPublicSchema(client, stage));
            return load({
                backup,
                frame,
                target: {
                    ...database.server,
                    user: stage.cast.standIn,
                    password: stage.password,
                    database: stage.database,
                    applicationName: `understudy prepare-database ${generation}`,
                },
                cast: stage.cast,
                ensureRole: stage.ensureRole,
                signal,
            });
        });
        // Settings that the dump's statements have left on the database would hold for the next connections as well.
        await server.admin.query(`alter database ${escapeIdentifier(stage.database)} reset all`);
        const proof = await withClient(server, stage.database, signal, async (client) => {
            const found = await phases.run("prove", () => prove(client, loaded.tally));
            await handOver(server, client, database, stage, loaded.deferred, password);
            await phases.run("analyze", () => client.query("analyze"));
            return found;
        });
        signal.throwIfAborted();
        const report: DatabaseReport = {
            dump: database.dump,
            backup: backup.name,
            stamp: backup.stamp,
            backupBytes: backup.bytes,
            databaseBytes: await databaseSize(server, stage.database),
            sha256: loaded.sha256,
            ...proof,
            unknown: [...server.unknown, ...proof.unknown],
            skipped: [...loaded.skipped],
            leftOut: frame.leftOut(),
            phases: phases.finished,
        };
        await recordProven(server.admin, generation, report);
        return summary(name, generation, backup, report, phases.total);
    } catch (error) {
        if (keepFailed) {
            const reason = error instanceof Error ? error.message : String(error);
            const kept = `Database ${generationName(name, generation)} is kept as it is until the next run`;
            throw new Error(`${reason.replace(/[.\s]*$/, "")}. ${kept}.`);
        }
        await removeGeneration(server.admin, { id: generation, name }).catch(() => {
            log(`${generationName(name, generation)} could not be removed; the next run will do it`);
            // A refusal would say that nothing was changed.
            throw error instanceof Refusal ? new Error(error.message) : error;
        });
        throw error;
    }
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

function summary(
    name: string,
    generation: string,
    { name: file, bytes, age }: Backup,
    { tables, unknown, leftOut }: DatabaseReport,
    seconds: number,
): string {
    const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
    const rest = leftOut.length === 0 ? "" : ` Left out of the whole server's dump: ${leftOut.join("; ")}.`;
    const open = unknown.length === 0 ? "" : ` Not known: ${unknown.join("; ")}.`;
    return (
        `Generation ${generation} of database ${name} is restored and proven: ${file} (${formatBytes(bytes)}, ` +
        `${formatAge(age)} old), ${plural(rows, "row")} in ${plural(Object.keys(tables).length, "table")}, ` +
        `in ${seconds} s.${open}${rest}`
    );
}

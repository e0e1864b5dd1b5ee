import { availableParallelism } from "node:os";
import { type Client, escapeIdentifier } from "pg";
import type { DatabasePlan, Plan, ReplicaDatabase } from "../../contract";
import { type DatabaseReport, rowsIn } from "../../contract/report";
import type { Backup } from "../backup/catalogue";
import { DatabaseFrame } from "../backup/frame";
import { databaseOf, hashOf, proveFiles } from "../backup/manifest";
import { ServerFrame } from "../backup/server-frame";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, Phases, plural } from "../report";
import { checkIndexes } from "./amcheck";
import {
    baseName,
    baseNames,
    cloneBase,
    discardBase,
    findBase,
    isFinished,
    keepBase,
    type Match,
    readBases,
    removeBase,
} from "./base";
import { collationProblem } from "./catalogs";
import {
    currentNames,
    describeGeneration,
    isWhole,
    readGenerations,
    recordBegun,
    recordProven,
    removeGeneration,
} from "./generations";
import { type Checked, guard, guardRoom } from "./guard";
import { type Loaded, load } from "./load";
import { type Evidence, prove, proveClone } from "./prove";
import { unknownRoom } from "./room";
import { databaseSize, readSecret, type Server, withClient, withServer } from "./server";
import { createLogin, handOver, openPublicSchema, setStage } from "./stage";

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
    return withServer(plan, "prepare-database", async (server) => {
        const generations = await readGenerations(server.admin, database);
        const there = generations.find(({ id }) => id === database.generation);
        if (there !== undefined && there.state !== "preparing" && isWhole(there)) {
            return `${describeGeneration(there.id, there.databases)} is already there (${there.state}): nothing to do.`;
        }
        const leftovers = generations.filter(({ id, state }) => state === "preparing" || id === database.generation);
        const bases = await readBases(server.admin);
        const unfinished = bases.filter((base) => !isFinished(base));
        const backups = await guard(plan, server);
        const base = await findBase(bases, database, backups);
        await guardRoom(plan, server, backups, base, [
            ...leftovers.flatMap(currentNames),
            ...unfinished.flatMap(baseNames),
        ]);

        for (const leftover of leftovers) {
            log(`removing generation ${leftover.id}, which an earlier run left unfinished`);
            await removeGeneration(server.admin, leftover.id, leftover.databases);
        }
        for (const leftover of unfinished) {
            log(`removing base ${leftover.id}, which an earlier run left unfinished`);
            await removeBase(server.admin, leftover);
        }
        return await restoreAll(plan, server, { backups, base }, password, signal);
    });
}

/** What a generation is made of: its backups, one for each database, and the base that was made of them, if there is one. */
interface Material {
    backups: Checked[];
    base: Match | undefined;
}

async function restoreAll(
    { database, keepFailed }: Plan,
    server: Server,
    { backups, base }: Material,
    password: string,
    signal: AbortSignal,
): Promise<string> {
    const { generation, databases } = database;
    const start = performance.now();
    try {
        await recordBegun(server.admin, database);
        const reports = new Map<string, DatabaseReport>();
        for (const [at, wanted] of databases.entries()) {
            const report = base?.reports.get(wanted.name);
            reports.set(
                wanted.name,
                base !== undefined && report !== undefined
                    ? await clone(database, wanted, server, { id: base.id, report }, signal)
                    : await restore(database, wanted, server, backups[at] as Checked, signal),
            );
        }
        // Before it is recorded as proven: a run that is killed here has a base to clone the next time.
        const withoutBase =
            database.keepBase && base === undefined ? await tryToKeepBase(server, database, reports) : "";
        await createLogin(server, database, password);
        signal.throwIfAborted();
        await recordProven(server.admin, generation, reports);
        const seconds = Math.round(performance.now() - start) / 1000;
        return `${describeGeneration(generation, databases)} is ${base === undefined ? "restored" : "cloned from the base of its backup"} and proven: ${summary(reports, backups, seconds)}${withoutBase}`;
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
    backup: Checked,
    signal: AbortSignal,
): Promise<DatabaseReport> {
    const { generation, dump } = plan;
    const jobs = plan.jobs ?? Math.min(8, Math.max(2, availableParallelism()));
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
                packing: backup.header.packing,
                frame,
                jobs,
                ordered: backup.facts !== undefined,
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
            const target = server.target(stage.database);
            const found = await phases.run("prove", (watch) =>
                prove({ client, target, jobs, watch, signal }, loaded.tally, evidence(wanted, backup, loaded)),
            );
            found.proof.push(...(await checkedIndexes(plan, client, phases)));
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
            sha256: hashOf(backup, loaded.hashes),
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

/** Clones one of the databases from a base inside the server, and counts its rows again. */
async function clone(
    plan: DatabasePlan,
    wanted: ReplicaDatabase,
    server: Server,
    base: { id: string; report: DatabaseReport },
    signal: AbortSignal,
): Promise<DatabaseReport> {
    const phases = new Phases();
    log(`cloning ${wanted.name} from the base of ${base.report.backup} as ${plan.generation}`);
    try {
        const problem = await collationProblem(server.admin, server.major, baseName(wanted.name, base.id));
        if (problem !== undefined) {
            throw new Error(`The indexes over text in the base of ${wanted.name} may be out of order: ${problem}.`);
        }
        const database = await phases.run("clone", () => cloneBase(server, plan, wanted, base.id));
        const proof = await withClient(server, database, signal, async (client) => {
            const found = await phases.run("prove", () => proveClone(client, base.report));
            found.proof.push(...(await checkedIndexes(plan, client, phases)));
            return found;
        });
        const databaseBytes = await databaseSize(server, database);
        return { ...base.report, ...proof, databaseBytes, base: base.id, phases: phases.finished };
    } catch (error) {
        signal.throwIfAborted();
        throw await discardBase(server.admin, base.id, error);
    }
}

/** What amcheck proves, if it is asked. */
async function checkedIndexes({ amcheck }: DatabasePlan, client: Client, phases: Phases): Promise<string[]> {
    return amcheck ? [await phases.run("amcheck", (watch) => checkIndexes(client, watch))] : [];
}

/** Keeps a base for the next time. Returns why there is none, as a sentence: the copy is as good without. */
async function tryToKeepBase(
    server: Server,
    plan: DatabasePlan,
    reports: Map<string, DatabaseReport>,
): Promise<string> {
    try {
        log("keeping a base for the next copy of this backup");
        await keepBase(server, plan, reports);
        return "";
    } catch (error) {
        return ` No base is kept: ${error instanceof Error ? error.message : error}.`;
    }
}

/** What the backup's files have proven, and what its manifest says of the database. */
function evidence({ name }: ReplicaDatabase, backup: Checked, { hashes, whole }: Loaded): Evidence {
    const { facts, header } = backup;
    if (facts === undefined) {
        const unknown = header.checked ? [] : [`whether ${backup.name} is as production wrote it: it has no checksums`];
        return { whole, unknown };
    }
    return { whole: [...whole, proveFiles(backup, facts, hashes)], unknown: [], facts: databaseOf(facts, name) };
}

/** The reason, with the database that it is about. */
function naming({ name }: ReplicaDatabase, error: unknown): Error {
    const sentence = `database ${name}: ${error instanceof Error ? error.message : String(error)}`;
    return error instanceof Refusal ? new Refusal(sentence) : new Error(sentence);
}

function summary(reports: Map<string, DatabaseReport>, backups: Backup[], seconds: number): string {
    const all = [...reports.values()];
    const each = [...reports].map(([name, { backup: file, backupBytes, tables }], at) => {
        const from = reports.size === 1 ? file : `${name} from ${file}`;
        return (
            `${from} (${formatBytes(backupBytes)}, ${formatAge(backups[at]?.age ?? 0)} old), ` +
            `${plural(rowsIn(tables), "row")} in ${plural(Object.keys(tables).length, "table")}`
        );
    });
    const unknown = [...new Set(all.flatMap((report) => report.unknown))];
    const leftOut = [...new Set(all.flatMap((report) => report.leftOut))];
    const rest = leftOut.length === 0 ? "" : ` Left out of the whole server's dump: ${leftOut.join("; ")}.`;
    const open = unknown.length === 0 ? "" : ` Not known: ${unknown.join("; ")}.`;
    return `${each.join("; ")}, in ${seconds} s.${open}${rest}`;
}

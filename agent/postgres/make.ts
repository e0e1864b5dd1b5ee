import { type Client, escapeIdentifier } from "pg";
import { type DatabasePlan, inProduction, type ReplicaDatabase } from "../../contract";
import { type DumpedDatabase, dumpEncoding } from "../../contract/manifest";
import type { DatabaseReport } from "../../contract/report";
import type { Checked } from "../backup/checked";
import { DatabaseFrame, type Frame } from "../backup/frame";
import { databaseOf, hashOf, proveFiles } from "../backup/manifest";
import { ServerFrame } from "../backup/server-frame";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, Phases } from "../report";
import { checkIndexes } from "./amcheck";
import { discardBase, type Match } from "./base";
import { unvalidatedConstraints } from "./catalogs";
import { clone } from "./clone";
import { EarlyReader } from "./early";
import { Extensions } from "./extensions";
import { removeDatabases } from "./generations";
import { jobsOf } from "./jobs";
import { type Loaded, load } from "./load";
import { localeDifferences, namingEncoding } from "./locale";
import { type Evidence, prove, proveClone, proveReloaded } from "./prove";
import type { Near } from "./reload/changes";
import { reload } from "./reload/reload";
import { databaseSize, type Server, withClient } from "./server";
import { handOver, openPublicSchema, setStage } from "./stage";

/** What a database of a generation is made of. */
export interface Making {
    plan: DatabasePlan;
    wanted: ReplicaDatabase;
    server: Server;
    backup: Checked;
    /** The base that was made of the very backups of the plan, if there is one; else the one that is the nearest to them. */
    base: Match | undefined;
    near: Near | undefined;
    signal: AbortSignal;
}

/**
 * Makes one database of the plan's generation, and proves it: cloned from the base of its backup, or from the base of an
 * earlier one with the tables that are others by now, or restored.
 *
 * @throws {Error} one sentence when none of that can be done
 */
export async function makeDatabase(making: Making): Promise<DatabaseReport> {
    const { plan, wanted, signal } = making;
    const cloned = (await tryToClone(making)) ?? (await tryToReload(making));
    if (cloned !== undefined) {
        return cloned;
    }
    try {
        return await restore(making);
    } catch (error) {
        signal.throwIfAborted();
        throw plan.databases.length === 1 ? error : naming(wanted, error);
    }
}

/** Restores it from its backup. */
async function restore({ plan, wanted, server, backup, signal }: Making): Promise<DatabaseReport> {
    const phases = new Phases();
    log(
        `restoring ${wanted.name} from ${backup.name} (${formatBytes(backup.bytes)}, ${formatAge(backup.age)} old) ` +
            `as ${plan.generation}`,
    );
    const stage = await setStage(server, plan, wanted);
    const frame = frameOf(plan, wanted, backup);
    // Connected before anything of the dump is there, which could set something for the database.
    const { loaded, proof } = await withClient(server, stage.database, signal, async (client) => {
        const facts = backup.facts?.databases[inProduction(wanted).name];
        const { target, jobs, encoding } = readingOf(plan, server, stage.database, facts);
        const early = new EarlyReader({ client, target, encoding, major: server.major }, facts?.tables);
        try {
            await openPublicSchema(client, stage);
            const loaded = await phases.run("load", (watch) =>
                load({
                    backup,
                    packing: backup.header.packing,
                    frame,
                    jobs,
                    target: {
                        ...target,
                        user: stage.cast.standIn,
                        password: stage.password,
                        applicationName: `understudy prepare-database ${plan.generation}`,
                    },
                    cast: stage.cast,
                    ensureRole: stage.ensureRole,
                    extensions: new Extensions({
                        client,
                        version: server.version,
                        allowed: plan.extensions,
                        standIn: stage.cast.standIn,
                    }),
                    early,
                    watch,
                    signal,
                }).catch((error) => {
                    throw namingEncoding(error, plan);
                }),
            );
            // Settings that the dump's statements have left on the database would hold for the next connections as well.
            await server.admin.query(`alter database ${escapeIdentifier(stage.database)} reset all`);
            const proof = await phases.run("prove", async (watch) =>
                prove({ client, target, jobs, encoding, watch, signal }, loaded.tally, {
                    ...evidence(wanted, backup, loaded),
                    known: await early.end(),
                }),
            );
            proof.unknown.push(...(await localeDifferences(client, facts)));
            proof.proof.push(...(await checkedIndexes(plan, client, phases)));
            await handOver(server, client, stage, loaded.deferred);
            await phases.run("analyze", () => client.query("analyze"));
            return { loaded, proof };
        } finally {
            await early.kill();
        }
    });
    signal.throwIfAborted();
    return {
        ...(await backupReport(server, plan, backup, loaded, stage.database)),
        ...proof,
        skipped: [...loaded.skipped],
        leftOut: frame.leftOut(),
        phases: phases.finished,
    };
}

/**
 * Makes it out of the base of an earlier backup and the tables that are others by now.
 *
 * @returns nothing when there is no such base, or when the whole backup has to be restored after all
 */
async function tryToReload({
    plan,
    wanted,
    server,
    backup,
    near,
    signal,
}: Making): Promise<DatabaseReport | undefined> {
    const [template, tables] = [near?.templates.get(wanted.name), near?.changed.get(wanted.name)];
    if (near === undefined || template === undefined || tables === undefined || backup.facts === undefined) {
        return undefined;
    }
    const { report } = template;
    const phases = new Phases();
    const frame = frameOf(plan, wanted, backup);
    const facts = databaseOf(backup.facts, inProduction(wanted).name);
    log(`cloning ${wanted.name} from the base of ${report.backup} as ${plan.generation}`);
    try {
        const database = await phases.run("clone", () => clone(server, plan, wanted, template, signal));
        const { loaded, proof } = await withClient(server, database, signal, async (client) => {
            const unvalidated = await unvalidatedConstraints(client);
            const loaded = await reload({
                client,
                database,
                plan,
                wanted,
                server,
                backup,
                facts,
                frame,
                tables,
                phases,
                signal,
            });
            const { whole } = evidence(wanted, backup, loaded);
            const proof = await phases.run("prove", (watch) =>
                proveReloaded({ client, ...readingOf(plan, server, database, facts), watch, signal }, loaded.tally, {
                    whole,
                    facts,
                    report,
                    unvalidated,
                }),
            );
            proof.proof.push(...(await checkedIndexes(plan, client, phases)));
            return { loaded, proof };
        });
        return {
            ...(await backupReport(server, plan, backup, loaded, database)),
            ...proof,
            skipped: report.skipped,
            leftOut: frame.leftOut(),
            base: near.id,
            reloaded: tables,
            phases: phases.finished,
        };
    } catch (error) {
        signal.throwIfAborted();
        await giveUp(server, plan, wanted, backup, report, error);
        return undefined;
    }
}

/**
 * Clones it from a base inside the server, and counts its rows again.
 *
 * @returns nothing when there is no such base, or when it has turned out not to be as it was proven: then it is removed,
 *   and the backup has to be restored after all
 */
async function tryToClone({ plan, wanted, server, backup, base, signal }: Making): Promise<DatabaseReport | undefined> {
    const template = base?.templates.get(wanted.name);
    if (base === undefined || template === undefined) {
        return undefined;
    }
    const phases = new Phases();
    const { report } = template;
    log(`cloning ${wanted.name} from the base of ${report.backup} as ${plan.generation}`);
    try {
        const database = await phases.run("clone", () => clone(server, plan, wanted, template, signal));
        const proof = await withClient(server, database, signal, async (client) => {
            const found = await phases.run("prove", () => proveClone(client, report));
            found.proof.push(...(await checkedIndexes(plan, client, phases)));
            return found;
        });
        const databaseBytes = await databaseSize(server, database);
        return { ...report, ...proof, databaseBytes, base: base.id, phases: phases.finished };
    } catch (error) {
        signal.throwIfAborted();
        await giveUp(server, plan, wanted, backup, report, error);
        await discardBase(server.admin, base.id);
        return undefined;
    }
}

/** Tells why a base cannot be used, and removes what was made out of it. */
async function giveUp(
    { admin }: Server,
    { generation }: DatabasePlan,
    wanted: ReplicaDatabase,
    { name }: Checked,
    report: DatabaseReport,
    error: unknown,
): Promise<void> {
    const reason = error instanceof Error ? error.message.replace(/[.\s]+$/, "") : error;
    log(`the base of ${report.backup} cannot be used (${reason}): restoring all of ${name}`);
    await removeDatabases(admin, generation, [wanted]);
}

/** How rows are read back. */
function readingOf(plan: DatabasePlan, server: Server, database: string, facts: DumpedDatabase | undefined) {
    const encoding = dumpEncoding(plan.dump, facts?.encoding);
    return { target: server.target(database), jobs: jobsOf(plan), encoding };
}

/** What a report says of the backup itself. */
async function backupReport(
    server: Server,
    { dump }: DatabasePlan,
    backup: Checked,
    { hashes }: Loaded,
    database: string,
): Promise<Pick<DatabaseReport, "dump" | "backup" | "stamp" | "backupBytes" | "databaseBytes" | "sha256">> {
    return {
        dump,
        backup: backup.name,
        stamp: backup.stamp,
        backupBytes: backup.bytes,
        databaseBytes: await databaseSize(server, database),
        sha256: hashOf(backup, hashes),
    };
}

function frameOf(plan: DatabasePlan, wanted: ReplicaDatabase, backup: Checked): Frame {
    return plan.dump === "server" ? new ServerFrame(inProduction(wanted).name, backup.name, plan) : new DatabaseFrame();
}

/** What amcheck proves, if it is asked. */
async function checkedIndexes({ amcheck }: DatabasePlan, client: Client, phases: Phases): Promise<string[]> {
    return amcheck ? [await phases.run("amcheck", (watch) => checkIndexes(client, watch))] : [];
}

/** What the backup's files have proven, and what its manifest says of the database. */
function evidence(wanted: ReplicaDatabase, backup: Checked, { hashes, whole }: Loaded): Evidence {
    const { facts, header } = backup;
    if (facts === undefined) {
        const unknown = header.checked ? [] : [`whether ${backup.name} is as production wrote it: it has no checksums`];
        return { whole, unknown };
    }
    return {
        whole: [...whole, proveFiles(backup, facts, hashes)],
        unknown: [],
        facts: databaseOf(facts, inProduction(wanted).name),
    };
}

/** The reason, with the database that it is about. */
function naming({ name }: ReplicaDatabase, error: unknown): Error {
    const sentence = `database ${name}: ${error instanceof Error ? error.message : String(error)}`;
    return error instanceof Refusal ? new Refusal(sentence) : new Error(sentence);
}

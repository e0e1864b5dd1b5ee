import { generationName } from "../../contract";
import { type MysqlDatabase, type MysqlPlan, nameInProduction } from "../../contract/mysql";
import { type DatabaseReport, rowsIn } from "../../contract/report";
import { jobsOf } from "../postgres/jobs";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, Phases, plural } from "../report";
import type { Visitor } from "./connect";
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
import { guard, type MysqlChecked } from "./guard";
import { load, withLanes } from "./load";
import { neutralise } from "./neutral/neutralise";
import { prove } from "./prove";
import { refuseWithoutRoom } from "./room";
import { databaseSize, type MysqlServer, withServer } from "./server";
import { lockScratchAccount, makeDatabases, makeScratchAccount } from "./stage";
import { finishSwitching } from "./switching";

/**
 * Makes the plan's generation beside the live one, one database after the other, and proves all of it. Nothing that is
 * in use changes.
 *
 * @returns a sentence on what was made, or that it was there already
 * @throws {Refusal} when a guard speaks, before anything has changed
 * @throws {Error} when a restore or its proof fails; what was made for it is removed again, unless it is to be kept
 */
export async function prepareDatabase(plan: MysqlPlan, signal: AbortSignal): Promise<string> {
    const { database } = plan;
    return withServer(plan, async (server) => {
        await finishSwitching(server, plan);
        const generations = await readGenerations(server.admin, plan);
        const there = generations.find(({ id }) => id === database.generation);
        if (there !== undefined && there.state !== "preparing" && isWhole(there)) {
            return `${describeGeneration(there.id, there.databases)} is already there (${there.state}): nothing to do.`;
        }
        const leftovers = generations.filter(({ id, state }) => state === "preparing" || id === database.generation);
        const backups = await guard(plan, server);
        await guardRoom(plan, server, generations, backups, leftovers);
        for (const leftover of leftovers) {
            log(`removing generation ${leftover.id}, which an earlier run left unfinished`);
            await removeGeneration(server.admin, leftover.id, leftover.databases);
        }
        return restoreAll(plan, server, backups, signal);
    });
}

async function guardRoom(
    { database: { capacity } }: MysqlPlan,
    { admin }: MysqlServer,
    generations: Generation[],
    backups: MysqlChecked[],
    leftovers: Generation[],
): Promise<void> {
    const live = generations.find(({ state }) => state === "live");
    const told = backups.map(({ facts }) => facts?.databaseBytes);
    if (capacity !== undefined) {
        await refuseWithoutRoom(admin, {
            capacity,
            backups,
            known: told.includes(undefined) ? undefined : told.reduce<number>((sum, bytes = 0) => sum + bytes, 0),
            live: live === undefined ? [] : currentNames(live),
            leftovers: leftovers.flatMap(currentNames),
        });
    }
}

async function restoreAll(
    plan: MysqlPlan,
    server: MysqlServer,
    backups: MysqlChecked[],
    signal: AbortSignal,
): Promise<string> {
    const { database, keepFailed } = plan;
    const { generation, databases } = database;
    const start = performance.now();
    try {
        await recordBegun(server.admin, plan);
        await makeDatabases(server, database);
        const aside = databases.map(({ name }) => generationName(name, generation));
        const visitor = await makeScratchAccount(server.admin, generation, aside);
        const made = new Map<string, DatabaseReport>();
        for (const [at, wanted] of databases.entries()) {
            const backup = backups[at] as MysqlChecked;
            made.set(wanted.name, await restoreOne(plan, server, wanted, backup, visitor, signal));
        }
        const done = await neutralise(plan, server, visitor, signal);
        const isTold = backups.every(({ facts }) => facts !== undefined);
        const unknown = [...(isTold ? [] : server.unknown), ...unknownRoom(plan)];
        const reports = new Map(
            [...made].map(([name, report]) => [
                name,
                { ...report, unknown: [...unknown, ...report.unknown], ...done.get(name) },
            ]),
        );
        await lockScratchAccount(server.admin, generation);
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

async function restoreOne(
    { database: plan }: MysqlPlan,
    server: MysqlServer,
    wanted: MysqlDatabase,
    backup: MysqlChecked,
    account: Visitor,
    signal: AbortSignal,
): Promise<DatabaseReport> {
    const phases = new Phases();
    const database = generationName(wanted.name, plan.generation);
    const visitor = { ...account, database };
    const jobs = jobsOf(plan);
    log(
        `restoring ${wanted.name} from ${backup.name} (${formatBytes(backup.bytes)}, ${formatAge(backup.age)} old) ` +
            `as ${plan.generation}`,
    );
    const { packing } = backup.header;
    const production = nameInProduction(wanted);
    const loaded = await phases.run("load", (watch) =>
        load({ backup, packing, server, visitor, production, jobs, watch, signal }),
    );
    const { version } = server;
    const proof = await phases.run("prove", (watch) =>
        withLanes(server, visitor, jobs, signal, (connections) =>
            prove({ connections, database, backup, loaded, version, watch }),
        ),
    );
    signal.throwIfAborted();
    return {
        dump: "database",
        backup: backup.name,
        stamp: backup.stamp,
        backupBytes: backup.bytes,
        databaseBytes: await databaseSize(server, database),
        sha256: loaded.sha256,
        largeObjects: 0,
        extensions: {},
        ...proof,
        skipped: [...loaded.tally.skipped],
        leftOut: [],
        phases: phases.finished,
    };
}

/** What stays unknown where nobody tells the size of the volume under the server. */
function unknownRoom({ database: { capacity } }: MysqlPlan): string[] {
    return capacity === undefined
        ? ["whether the server has room for another copy: the size of its volume is not known"]
        : [];
}

function summary(reports: Map<string, DatabaseReport>, backups: MysqlChecked[], seconds: number): string {
    const each = [...reports].map(([name, { backup: file, backupBytes, tables }], at) => {
        const from = reports.size === 1 ? file : `${name} from ${file}`;
        return (
            `${from} (${formatBytes(backupBytes)}, ${formatAge(backups[at]?.age ?? 0)} old), ` +
            `${plural(rowsIn(tables), "row")} in ${plural(Object.keys(tables).length, "table")}`
        );
    });
    const unknown = [...new Set([...reports.values()].flatMap((report) => report.unknown))];
    const open = unknown.length === 0 ? "" : ` Not known: ${unknown.join("; ")}.`;
    return `${each.join("; ")}, in ${seconds} s.${open}`;
}

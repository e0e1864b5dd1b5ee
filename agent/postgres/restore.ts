import type { DatabasePlan, Plan } from "../../contract";
import { type DatabaseReport, rowsIn } from "../../contract/report";
import type { Backup } from "../backup/catalogue";
import type { Checked } from "../backup/checked";
import { neutralise } from "../neutral/neutralise";
import { Refusal } from "../refusal";
import { formatAge, formatBytes, log, plural } from "../report";
import { baseNames, findBase, findMatches, isFinished, keepBase, type Match, readBases, removeBase } from "./base";
import {
    currentNames,
    describeGeneration,
    isWhole,
    readGenerations,
    recordBegun,
    recordProven,
    removeGeneration,
} from "./generations";
import { guard, guardRoom } from "./guard";
import { makeDatabase } from "./make";
import { type Near, nearestBase } from "./reload/changes";
import { unknownRoom, whileRoom } from "./room";
import { readSecret, type Server, withServer } from "./server";
import { createLogin } from "./stage";

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
    return withServer(plan, "prepare-database", signal, async (server) => {
        const generations = await readGenerations(server.admin, plan);
        const there = generations.find(({ id }) => id === database.generation);
        if (there !== undefined && there.state !== "preparing" && isWhole(there)) {
            return `${describeGeneration(there.id, there.databases)} is already there (${there.state}): nothing to do.`;
        }
        const leftovers = generations.filter(({ id, state }) => state === "preparing" || id === database.generation);
        const bases = await readBases(server.admin);
        const unfinished = bases.filter((base) => !isFinished(base));
        const backups = await guard(plan, server);
        const matches = await findMatches(server, bases, database);
        const base = await findBase(matches, database, backups);
        const near = base === undefined ? nearestBase(matches, database, backups) : undefined;
        await guardRoom(plan, server, backups, base ?? near, [
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
        return await whileRoom(server.admin, { capacity: database.capacity, backups }, signal, (signal) =>
            restoreAll(plan, server, { backups, base, near }, password, signal),
        );
    });
}

/** What a generation is made of. */
interface Material {
    /** One for each database. */
    backups: Checked[];
    /** The base that was made of them, if there is one; else the one that is the nearest to them. */
    base: Match | undefined;
    near: Near | undefined;
}

async function restoreAll(
    plan: Plan,
    server: Server,
    { backups, base, near }: Material,
    password: string,
    signal: AbortSignal,
): Promise<string> {
    const { database, keepFailed } = plan;
    const { generation, databases } = database;
    const start = performance.now();
    try {
        await recordBegun(server.admin, plan);
        const made = new Map<string, DatabaseReport>();
        for (const [at, wanted] of databases.entries()) {
            const backup = backups[at] as Checked;
            const report = await makeDatabase({ plan: database, wanted, server, backup, base, near, signal });
            made.set(wanted.name, report);
        }
        // Before it is recorded as proven: a run that is killed here has a base to clone the next time.
        const restored = [...made.values()].some((report) => report.base === undefined);
        const withoutBase = database.keepBase && restored ? await tryToKeepBase(server, database, made) : "";
        const done = await neutralise(plan, server, signal);
        // What this stack cannot know is not the base's, which is for others as well. A manifest tells which server is
        // production's.
        const isTold = backups.every(({ facts }) => facts !== undefined);
        const unknown = [...(isTold ? [] : server.unknown), ...unknownRoom(database.capacity)];
        const reports = new Map(
            [...made].map(([name, report]) => [
                name,
                { ...report, unknown: [...unknown, ...report.unknown], ...done.get(name) },
            ]),
        );
        await createLogin(server, plan, password);
        signal.throwIfAborted();
        await recordProven(server.admin, generation, reports);
        const seconds = Math.round(performance.now() - start) / 1000;
        return `${describeGeneration(generation, databases)} is ${howMade(reports)} and proven: ${summary(reports, backups, seconds)}${withoutBase}`;
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

function howMade(reports: Map<string, DatabaseReport>): string {
    const all = [...reports.values()];
    const tables = all.flatMap(({ reloaded = [] }) => reloaded);
    if (all.every(({ base }) => base === undefined)) {
        return "restored";
    }
    return all.every(({ reloaded }) => reloaded === undefined)
        ? "cloned from the base of its backup"
        : `made of the base of an earlier backup and ${plural(tables.length, "table")},`;
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

import type { Connection } from "mysql2/promise";
import { type GenerationState, generationName } from "../../contract";
import type { MysqlPlan } from "../../contract/mysql";
import type { DatabaseReport } from "../../contract/report";
import { Refusal } from "../refusal";
import { quoted, rowsOf } from "./rows";
import { databaseNames } from "./server";

/** One database of a generation. */
export interface GenerationDatabase {
    /** Live name. */
    name: string;
    /** Name that it has now. */
    current: string;
    /** Whether it is there. */
    present: boolean;
    /** What was proven when it was made, a {@link DatabaseReport}; null until then. */
    report: unknown;
}

/** A generation as the server's own table has it. */
export interface Generation {
    /** Whose it is. */
    stack: string;
    id: string;
    state: GenerationState;
    created: Date;
    /** When it last became the live one; null if it never was. */
    switched: Date | null;
    /** Milliseconds that nobody could connect then; null if that is not known. */
    awayMs: number | null;
    /** Its databases, the application's first. */
    databases: [GenerationDatabase, ...GenerationDatabase[]];
}

/** A row of that table. */
type Row = Omit<Generation, "databases"> & { name: string; report: string | null };

/** Account that loads and changes a generation, and has rights on nothing else. */
export function scratchAccount(id: string): string {
    return `understudy_${id}`;
}

/**
 * The stack's generations on the server, the oldest first.
 *
 * @throws {Refusal} when the names that the plan needs are another stack's, or understudy did not make what stands there
 */
export async function readGenerations(admin: Connection, plan: MysqlPlan): Promise<Generation[]> {
    const all = await readAllGenerations(admin);
    refuseTaken(
        plan,
        all.filter(({ stack }) => stack !== plan.stack),
    );
    await refuseStrangers(admin, plan, new Set(all.flatMap(currentNames)));
    return all.filter(({ stack }) => stack === plan.stack);
}

/** The generations of all stacks on the server, the oldest first. */
async function readAllGenerations(admin: Connection): Promise<Generation[]> {
    const rows = await rowsOf<Row>(
        admin,
        `select stack, id, name, state, created, switched, away_ms as awayMs, report
           from understudy.generation order by created, id, position`,
    );
    const present = await databaseNames(admin);
    const generations = new Map<string, Generation>();
    for (const { name, report, ...row } of rows) {
        const current = row.state === "live" ? name : generationName(name, row.id);
        const known = report === null ? null : JSON.parse(report);
        const database = { name, current, present: present.has(current), report: known };
        const generation = generations.get(row.id);
        if (generation === undefined) {
            generations.set(row.id, { ...row, databases: [database] });
        } else {
            generation.databases.push(database);
        }
    }
    return [...generations.values()];
}

function refuseTaken({ database: { databases } }: MysqlPlan, others: Generation[]): void {
    for (const { stack, databases: theirs } of others) {
        const names = databases.map(({ name }) => name).filter((one) => theirs.some(({ name }) => name === one));
        if (names.length > 0) {
            throw new Refusal(
                `On this server, database ${names.join(", ")} belongs to stack ${stack}: set another database.name, and ` +
                    "write to database.production what production calls it.",
            );
        }
    }
}

/** An empty database is nobody's: the official images make one when they are told its name. */
async function refuseStrangers(
    admin: Connection,
    { database: { databases } }: MysqlPlan,
    ours: Set<string>,
): Promise<void> {
    const pattern = new RegExp(`^(${databases.map(({ name }) => name).join("|")})(__[0-9a-f]{10})?$`);
    const filled = await rowsOf<{ name: string }>(
        admin,
        `select table_schema as name from information_schema.tables
          union select routine_schema from information_schema.routines`,
    );
    const strangers = filled.map(({ name }) => name).filter((found) => pattern.test(found) && !ours.has(found));
    if (strangers.length > 0) {
        const setting = databases.length === 1 ? "database.name" : "name in database.name or database.others";
        throw new Refusal(
            `Database ${strangers.join(", ")} is on the server, but understudy has not made it: rename it, or set ` +
                `another ${setting}.`,
        );
    }
}

/** Names that a generation's databases have now. */
export function currentNames({ databases }: Pick<Generation, "databases">): string[] {
    return databases.map(({ current }) => current);
}

/** Whether all databases of a generation are there. */
export function isWhole({ databases }: Generation): boolean {
    return databases.every(({ present }) => present);
}

/** A generation in words: `Generation 0a1b2c3d4e of databases shop, audit`. */
export function describeGeneration(id: string, databases: readonly { name: string }[]): string {
    const names = databases.map(({ name }) => name).join(", ");
    return `Generation ${id} of ${databases.length === 1 ? "database" : "databases"} ${names}`;
}

/** Writes down that a generation is begun. */
export async function recordBegun(admin: Connection, { stack, database }: MysqlPlan): Promise<void> {
    await admin.query("insert into understudy.generation (id, stack, name, position, state) values ?", [
        database.databases.map(({ name }, at) => [database.generation, stack, name, at, "preparing"]),
    ]);
}

/** Writes down that a generation is proven, all of it at once, and what was proven of each database. */
export async function recordProven(admin: Connection, id: string, reports: Map<string, DatabaseReport>): Promise<void> {
    await admin.query("start transaction");
    for (const [name, report] of reports) {
        await admin.query("update understudy.generation set state = 'proven', report = ? where id = ? and name = ?", [
            JSON.stringify(report),
            id,
            name,
        ]);
    }
    await admin.query("commit");
}

/** Drops an unfinished or superseded generation with all that is its own. May be interrupted and run again. */
export async function removeGeneration(
    admin: Connection,
    id: string,
    databases: readonly { name: string }[],
): Promise<void> {
    await admin.query("update understudy.generation set state = 'preparing' where id = ?", [id]);
    for (const { name } of databases) {
        await admin.query(`drop database if exists ${quoted(generationName(name, id))}`);
    }
    await dropScratchAccount(admin, id);
    await admin.query("delete from understudy.generation where id = ?", [id]);
}

/** Drops the account of a generation, and ends its sessions: they would go on without it. */
export async function dropScratchAccount(admin: Connection, id: string): Promise<void> {
    const user = scratchAccount(id);
    await admin.query(`drop user if exists ${quoted(user)}@'%'`);
    await endSessionsOf(admin, user);
}

/** Ends the sessions of an account. */
export async function endSessionsOf(admin: Connection, user: string): Promise<void> {
    const sessions = await rowsOf<{ id: number }>(
        admin,
        "select id as id from information_schema.processlist where user = ?",
        [user],
    );
    for (const session of sessions) {
        // It may have ended by itself.
        await admin.query(`kill ${session.id}`).catch(() => undefined);
    }
}

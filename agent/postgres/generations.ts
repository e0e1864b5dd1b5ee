import { type Client, escapeIdentifier, escapeLiteral } from "pg";
import { type GenerationState, generationName, loginRole, type Plan } from "../../contract";
import type { DatabaseReport } from "../../contract/report";
import { Refusal } from "../refusal";
import { baseNames, readBases } from "./base";
import { databaseNames } from "./server";

/** One database of a generation. */
export interface GenerationDatabase {
    /** Live name. */
    name: string;
    owner: string;
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
type Row = Omit<Generation, "databases"> & Pick<GenerationDatabase, "name" | "owner" | "report">;

/** Comment on every role that the agent makes for good: without it, a role is somebody else's. */
export const roleComment = "understudy";

/** Beginning of the names of roles that live only as long as a run. */
const scratchPrefix = "understudy_";

/** Role that loads a generation, the group that may create in every schema meanwhile, and the role that acts as an owner. */
export function scratchRoles(id: string): { standIn: string; load: string; acting: string } {
    const role = (use: string) => `${scratchPrefix}${use}_${id}`;
    return { standIn: role("restore"), load: role("load"), acting: role("act") };
}

/**
 * The stack's generations on the server, the oldest first.
 *
 * @throws {Refusal} when the names that the plan needs are another stack's, or understudy did not make what stands there
 */
export async function readGenerations(admin: Client, plan: Plan): Promise<Generation[]> {
    const all = await readAllGenerations(admin);
    const bases = await readBases(admin);
    // After what is written down of them: another stack's run may drop a base meanwhile.
    const present = await databaseNames(admin);
    refuseTaken(
        plan,
        all.filter(({ stack }) => stack !== plan.stack),
    );
    refuseStrangers(plan, present, new Set([...all.flatMap(currentNames), ...bases.flatMap(baseNames)]));
    return all.filter(({ stack }) => stack === plan.stack);
}

/** The generations of all stacks on the server, the oldest first. */
export async function readAllGenerations(admin: Client): Promise<Generation[]> {
    const { rows } = await admin.query<Row>(
        `select stack, id, name, owner, state, created, switched, away_ms as "awayMs", report
           from understudy.generation order by created, id, position`,
    );
    const present = await databaseNames(admin);
    const generations = new Map<string, Generation>();
    for (const { name, owner, report, ...row } of rows) {
        const current = row.state === "live" ? name : generationName(name, row.id);
        const database = { name, owner, current, present: present.has(current), report };
        const generation = generations.get(row.id);
        if (generation === undefined) {
            generations.set(row.id, { ...row, databases: [database] });
        } else {
            generation.databases.push(database);
        }
    }
    return [...generations.values()];
}

/** Refuses what another stack has: two on one server have nothing in common but what is theirs in production. */
function refuseTaken({ database: { databases } }: Plan, others: Generation[]): void {
    for (const { stack, databases: theirs } of others) {
        const names = databases.map(({ name }) => name).filter((one) => theirs.some(({ name }) => name === one));
        const owners = databases.map(({ owner }) => owner).filter((one) => theirs.some(({ owner }) => owner === one));
        if (names.length + owners.length === 0) {
            continue;
        }
        const taken = [...names.map((one) => `database ${one}`), ...new Set(owners.map((one) => `role ${one}`))];
        const settings = [names.length > 0 && "database.name", owners.length > 0 && "database.owner"].filter(Boolean);
        const further = databases.length === 1 ? "" : " (or in database.others)";
        throw new Refusal(
            `On this server, ${taken.join(" and ")} ${taken.length === 1 ? "belongs" : "belong"} to stack ${stack}: set ` +
                `another ${settings.join(" and another ")}${further}, and write to database.production what production ` +
                "calls them.",
        );
    }
}

function refuseStrangers({ database: { databases } }: Plan, present: Set<string>, ours: Set<string>): void {
    const pattern = new RegExp(`^(${databases.map(({ name }) => name).join("|")})(__[0-9a-f]{10}(_base)?)?$`);
    const strangers = [...present].filter((found) => pattern.test(found) && !ours.has(found));
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
export async function recordBegun(admin: Client, { stack, database: { generation, databases } }: Plan): Promise<void> {
    await admin.query(
        `insert into understudy.generation (id, stack, name, owner, position, state)
         select $1, $2, name, owner, number - 1, 'preparing'
           from unnest($3::text[], $4::text[]) with ordinality as each (name, owner, number)`,
        [generation, stack, databases.map(({ name }) => name), databases.map(({ owner }) => owner)],
    );
}

/** Drops an unfinished or superseded generation with all that is its own. May be interrupted and run again. */
export async function removeGeneration(
    admin: Client,
    id: string,
    databases: readonly [{ name: string }, ...{ name: string }[]],
): Promise<void> {
    await admin.query("update understudy.generation set state = 'preparing' where id = $1", [id]);
    await removeDatabases(admin, id, databases);
    await admin.query(`drop role if exists ${escapeIdentifier(loginRole(databases, id))}`);
    await dropUnusedRoles(admin);
    await admin.query("delete from understudy.generation where id = $1", [id]);
}

/** Drops databases of a generation, and then the roles that have loaded them: one role loads one after the other. */
export async function removeDatabases(
    admin: Client,
    id: string,
    databases: readonly { name: string }[],
): Promise<void> {
    for (const { name } of databases) {
        await admin.query(`drop database if exists ${escapeIdentifier(generationName(name, id))} with (force)`);
    }
    for (const role of Object.values(scratchRoles(id))) {
        await admin.query(`drop role if exists ${escapeIdentifier(role)}`);
    }
}

/** Makes a role that cannot log in and marks it as the agent's. */
export async function createRole(admin: Client, name: string): Promise<void> {
    const role = escapeIdentifier(name);
    await admin.query(`create role ${role}; comment on role ${role} is ${escapeLiteral(roleComment)}`);
}

/** Drops the roles of the agent that own nothing and have rights on nothing in any database. */
export async function dropUnusedRoles(admin: Client): Promise<void> {
    const { rows } = await admin.query<{ rolname: string }>(
        `select rolname from pg_roles r
          where shobj_description(oid, 'pg_authid') = $1 and not rolcanlogin
            and not exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = r.oid)
            and not exists (select from pg_auth_members m where m.roleid = r.oid)`,
        [roleComment],
    );
    for (const { rolname } of rows) {
        await admin.query(`drop role ${escapeIdentifier(rolname)}`);
    }
}

/** Writes down that a generation is proven, all of it at once, and what was proven of each database. */
export async function recordProven(admin: Client, id: string, reports: Map<string, DatabaseReport>): Promise<void> {
    await admin.query("update understudy.generation set state = 'proven', report = $2::jsonb -> name where id = $1", [
        id,
        Object.fromEntries(reports),
    ]);
}

import { randomBytes } from "node:crypto";
import { type Client, escapeIdentifier as name, escapeLiteral as text } from "pg";
import {
    type DatabasePlan,
    generationName,
    inProduction,
    loginRole,
    type Plan,
    type ReplicaDatabase,
} from "../../contract";
import type { Cast } from "../backup/statement";
import { Refusal } from "../refusal";
import { createRole, roleComment, scratchRoles } from "./generations";
import { localeClause } from "./locale";
import { scramVerifier } from "./scram";
import type { Server } from "./server";

/** An empty database of a generation, and the roles that load it. */
export interface Stage {
    database: string;
    /** Password of the stand-in, which no file ever holds. */
    password: string;
    cast: Cast;
    ensureRole(role: string, member: boolean): Promise<void>;
}

/**
 * Makes one database of the plan's generation, owned by a role without any privilege: whatever a dump holds runs as this role,
 * which can do nothing outside of its database.
 */
export async function setStage({ admin, major }: Server, plan: DatabasePlan, wanted: ReplicaDatabase): Promise<Stage> {
    const database = generationName(wanted.name, plan.generation);
    const { standIn, load } = scratchRoles(plan.generation);
    const password = randomBytes(24).toString("base64url");
    const roles = new Map<string, boolean>();

    await admin.query(`create role ${name(load)}`);
    await admin.query(`create role ${name(standIn)} login password ${text(scramVerifier(password))}`);
    await admin.query(
        `create database ${name(database)} owner ${name(standIn)} template template0 ${localeClause(plan, major)}`,
    );
    await admin.query(`revoke all on database ${name(database)} from public`);
    await admin.query(`grant create on database ${name(database)} to ${name(load)}`);
    await ensureRole(wanted.owner, false);

    return {
        database,
        password,
        cast: {
            owner: wanted.owner,
            standIn,
            load,
            aliases: [...new Set([inProduction(wanted).owner, plan.server.user, "postgres"])],
        },
        ensureRole,
    };

    async function ensureRole(role: string, member: boolean) {
        if (roles.get(role) === true || roles.get(role) === member || role.startsWith("pg_")) {
            return;
        }
        if (!roles.has(role)) {
            await createOrCheck(admin, role);
        }
        if (member) {
            await refuseDatabaseOwner(admin, role);
            await admin.query(`grant ${name(role)} to ${name(standIn)}`);
            await admin.query(`grant ${name(load)} to ${name(role)}`);
        }
        roles.set(role, member);
    }
}

/** Why a role that is to own or use what is restored must be left alone, if it must. */
export async function roleProblem(admin: Client, role: string): Promise<string | undefined> {
    const found = await findRole(admin, role);
    return found === undefined || (found.ours && !found.powers)
        ? undefined
        : `Role ${role}, which is to own or use what is restored, is on this server with other rights than ` +
              "understudy would give it: rename that role, or set another owner (database.owner, database.others)";
}

/**
 * Whether the role that an application logs in as is there.
 *
 * @throws {Refusal} when it may do more on the server than any application has to
 */
async function isHarmless(admin: Client, role: string): Promise<boolean> {
    const { rows } = await admin.query<{ powers: boolean }>(
        `select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as powers
           from pg_roles where rolname = $1`,
        [role],
    );
    if (rows[0]?.powers === true) {
        throw new Refusal(
            `Role ${role} may do more on this server than an application has to (superuser, createrole, createdb, ` +
                "replication or bypassrls): write another role to target.login.",
        );
    }
    return rows[0] !== undefined;
}

/** Makes a role that the dump names or that owns the copy, unless it is there and harmless. */
export async function createOrCheck(admin: Client, role: string): Promise<void> {
    const problem = await roleProblem(admin, role);
    if (problem !== undefined) {
        throw new Error(problem);
    }
    if ((await findRole(admin, role)) === undefined) {
        await createRole(admin, role);
    }
}

async function findRole(admin: Client, role: string): Promise<{ ours: boolean; powers: boolean } | undefined> {
    const { rows } = await admin.query<{ ours: boolean; powers: boolean }>(
        `select shobj_description(oid, 'pg_authid') is not distinct from $2 as ours,
                rolsuper or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as powers
           from pg_roles where rolname = $1`,
        [role, roleComment],
    );
    return rows[0];
}

/** Whoever acts for the owner of a database could drop it. */
async function refuseDatabaseOwner(admin: Client, role: string): Promise<void> {
    const { rows } = await admin.query<{ datname: string }>(
        "select datname from pg_database where datdba = (select oid from pg_roles where rolname = $1)",
        [role],
    );
    if (rows[0] !== undefined) {
        throw new Error(
            `The dump gives objects to role ${role}, which owns database ${rows[0].datname} here: ` +
                "set the owner of the database that is restored to that role",
        );
    }
}

/** Lets the stand-in make objects for others in the schema that every database begins with. */
export async function openPublicSchema(client: Client, { cast }: Stage): Promise<void> {
    await client.query(`grant create on schema public to ${name(cast.load)}`);
}

/**
 * Hands everything over to the owner, and removes the roles that the load needed.
 *
 * @param client superuser's connection to the new database
 * @param deferred statements of the dump to run as the owner
 */
export async function handOver(
    { admin }: Server,
    client: Client,
    { database, cast }: Stage,
    deferred: string[],
): Promise<void> {
    const { owner } = cast;
    await client.query(`reassign owned by ${name(cast.standIn)} to ${name(owner)}`);
    await client.query(`drop owned by ${name(cast.standIn)}, ${name(cast.load)}`);
    await admin.query(`alter database ${name(database)} owner to ${name(owner)}`);
    await client.query(`set role ${name(owner)}`);
    for (const statement of deferred) {
        // Prepared, so that the server takes one statement and no more.
        await client.query({ text: statement, queryMode: "extended" } as { text: string });
    }
    await client.query("reset role");
    await admin.query(`drop role ${name(cast.standIn)}, ${name(cast.load)}`);
}

/**
 * Makes the generation's login role, which cannot log in before the switch; or lets the one that all generations have in
 * common use this one as well. In each database it acts as its owner.
 *
 * @param password the role's
 */
export async function createLogin({ admin }: Server, plan: Plan, password: string): Promise<void> {
    const { generation, databases, login: common } = plan.database;
    const login = name(common ?? loginRole(databases, generation));
    if (common === undefined || !(await isHarmless(admin, common))) {
        await admin.query(
            `create role ${login} noinherit password ${text(scramVerifier(password))};
             comment on role ${login} is ${text(loginComment(plan))}`,
        );
    }
    for (const { name: live, owner } of databases) {
        const database = name(generationName(live, generation));
        await admin.query(`grant ${name(owner)} to ${login}`);
        await admin.query(`alter role ${login} in database ${database} set role = ${text(owner)}`);
        await admin.query(`grant connect, temporary on database ${database} to ${login}`);
    }
}

/**
 * Drops the login role that all generations have in common, if it was made for this stack and nothing else needs it.
 *
 * @returns whether it is gone
 */
export async function dropLogin(admin: Client, plan: Plan): Promise<boolean> {
    const { login } = plan.database;
    const { rowCount } = await admin.query(
        "select from pg_roles where rolname = $1 and shobj_description(oid, 'pg_authid') = $2",
        [login, loginComment(plan)],
    );
    if (login === undefined || rowCount === 0) {
        return false;
    }
    try {
        await admin.query(`drop role ${name(login)}`);
        return true;
    } catch (error) {
        if ((error as { code?: string }).code === dependentObjectsStillExist) {
            return false;
        }
        throw error;
    }
}

const dependentObjectsStillExist = "2BP01";

/** What tells a login role that was made for a stack from one that somebody had made before. */
function loginComment({ stack }: Plan): string {
    return `understudy's login of ${stack}`;
}

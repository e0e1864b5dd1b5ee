import { type Client, escapeIdentifier, escapeLiteral } from "pg";
import { type DatabaseReport, type GenerationState, generationName } from "../../contract";
import { Refusal } from "../refusal";

/** A generation as the server's own table has it. */
export interface Generation {
    id: string;
    /** Live name of the database. */
    name: string;
    state: GenerationState;
    created: Date;
    /** When it last became the live one; null if it never was. */
    switched: Date | null;
    /** What was proven when it was made, a {@link DatabaseReport}; null until then. */
    report: unknown;
    /** Name that its database has now. */
    database: string;
    /** Whether that database is there. */
    present: boolean;
}

/** Comment on every role that the agent makes for good: without it, a role is somebody else's. */
export const roleComment = "understudy";

/** Beginning of the names of roles that live only as long as a run. */
const scratchPrefix = "understudy_";

/** Role that loads a generation, and the group that may create in every schema meanwhile. */
export function scratchRoles(id: string): { standIn: string; load: string } {
    return { standIn: `${scratchPrefix}restore_${id}`, load: `${scratchPrefix}load_${id}` };
}

/**
 * The generations of a database.
 *
 * @throws {Refusal} when a database stands under one of their names that understudy did not make
 */
export async function readGenerations(admin: Client, name: string): Promise<Generation[]> {
    const databases = await admin.query<{ datname: string }>("select datname from pg_database");
    const present = new Set(databases.rows.map(({ datname }) => datname));
    const { rows } = await admin.query<Omit<Generation, "database" | "present">>(
        "select id, name, state, created, switched, report from understudy.generation where name = $1 order by created",
        [name],
    );
    const generations = rows.map((row) => {
        const database = row.state === "live" ? name : generationName(name, row.id);
        return { ...row, database, present: present.has(database) };
    });
    const ours = new Set(generations.map(({ database }) => database));
    const pattern = new RegExp(`^${name}(__[0-9a-f]{10})?$`);
    const strangers = [...present].filter((found) => pattern.test(found) && !ours.has(found));
    if (strangers.length > 0) {
        throw new Refusal(
            `Database ${strangers.join(", ")} is on the server, but understudy has not made it: rename it, or set ` +
                "another database.name.",
        );
    }
    return generations;
}

/** Drops an unfinished or superseded generation with all that is its own. May be interrupted and run again. */
export async function removeGeneration(admin: Client, { id, name }: Pick<Generation, "id" | "name">): Promise<void> {
    const { standIn, load } = scratchRoles(id);
    const database = generationName(name, id);
    await admin.query("update understudy.generation set state = 'preparing' where id = $1", [id]);
    await admin.query(`drop database if exists ${escapeIdentifier(database)} with (force)`);
    for (const role of [database, standIn, load]) {
        await admin.query(`drop role if exists ${escapeIdentifier(role)}`);
    }
    await dropUnusedRoles(admin);
    await admin.query("delete from understudy.generation where id = $1", [id]);
}

/** Makes a role that cannot log in and marks it as the agent's. */
export async function createRole(admin: Client, name: string): Promise<void> {
    const role = escapeIdentifier(name);
    await admin.query(`create role ${role}; comment on role ${role} is ${escapeLiteral(roleComment)}`);
}

/** Drops the roles of the agent that own nothing and have rights on nothing in any database. */
async function dropUnusedRoles(admin: Client): Promise<void> {
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

/** Writes down that a generation is proven, and what was proven. */
export async function recordProven(admin: Client, id: string, report: DatabaseReport): Promise<void> {
    await admin.query("update understudy.generation set state = 'proven', report = $2 where id = $1", [id, report]);
}

import { randomBytes } from "node:crypto";
import { type Client, escapeIdentifier as name, escapeLiteral as text } from "pg";
import type { DatabasePlan, ReplicaDatabase } from "../../../contract";
import type { DumpedDatabase } from "../../../contract/manifest";
import type { Checked } from "../../backup/checked";
import type { Frame } from "../../backup/frame";
import { log, type Phases, plural } from "../../report";
import { Extensions } from "../extensions";
import { scratchRoles } from "../generations";
import { jobsOf } from "../jobs";
import { type Loaded, load } from "../load";
import { scramVerifier } from "../scram";
import type { Server } from "../server";
import { attach, detach, obstacle, readAttachments } from "./attachments";

/** What {@link reload} needs. */
export interface Reloading {
    plan: DatabasePlan;
    wanted: ReplicaDatabase;
    server: Server;
    /** The clone of a base, and a superuser's connection to it. */
    database: string;
    client: Client;
    backup: Checked;
    /** What the backup's manifest says of the database. */
    facts: DumpedDatabase;
    frame: Frame;
    /** The tables that differ, as the dump writes their names. */
    tables: string[];
    phases: Phases;
    signal: AbortSignal;
}

/**
 * Loads those tables into the clone of a base whose rows are others by now. What the backup holds runs as a role that owns
 * these tables for as long, and has no other rights.
 *
 * @returns what was loaded; it is not proven yet
 * @throws {Error} when that cannot be done, and then the whole backup has to be restored in its place
 */
export async function reload({
    plan,
    wanted,
    server,
    database,
    client,
    tables,
    phases,
    ...rest
}: Reloading): Promise<Loaded> {
    const reason = await obstacle(client, tables);
    if (reason !== undefined) {
        throw new Error(reason);
    }
    const before = await readAttachments(client, tables);
    const loader = await makeLoader(server, plan, database);
    await detach(client, before, loader.user);
    log(`loading ${plural(tables.length, "table")}: ${tables.join(", ")}`);
    const loaded = await phases.run("load", (watch) =>
        load({
            ...rest,
            packing: rest.backup.header.packing,
            only: new Set(tables),
            jobs: jobsOf(plan),
            target: {
                ...plan.server,
                ...loader,
                database,
                applicationName: `understudy prepare-database ${plan.generation}`,
            },
            cast: { owner: wanted.owner, standIn: loader.user, load: loader.user, aliases: [] },
            ensureRole: () => Promise.reject(new Error("a table's rows name a role")),
            extensions: new Extensions({ client, version: server.version, allowed: [], standIn: loader.user }),
            watch,
        }),
    );
    await attach(client, before, loader.user);
    await server.admin.query(`drop role ${name(loader.user)}`);
    if ((await readAttachments(client, tables)).description !== before.description) {
        throw new Error("the dump does not make the same indexes and constraints again");
    }
    await setSequences(client, rest.facts);
    if (before.tables.length > 0) {
        await phases.run("analyze", () => client.query(`analyze ${before.tables.join(", ")}`));
    }
    return loaded;
}

/** Makes the role that loads, which has no rights but to get into the database. */
async function makeLoader(
    { admin }: Server,
    { generation }: DatabasePlan,
    database: string,
): Promise<{ user: string; password: string }> {
    const user = scratchRoles(generation).standIn;
    const password = randomBytes(24).toString("base64url");
    await admin.query(`create role ${name(user)} login password ${text(scramVerifier(password))}`);
    await admin.query(`grant connect on database ${name(database)} to ${name(user)}`);
    return { user, password };
}

async function setSequences(client: Client, { sequences }: DumpedDatabase): Promise<void> {
    for (const [sequence, { value, called }] of Object.entries(sequences)) {
        await client.query("select setval($1::text::regclass, $2, $3)", [sequence, value, called]);
    }
}

import type { Connection } from "mysql2/promise";
import type { MediaReferences } from "../../contract";
import type { MysqlCopyPlan } from "../../contract/mysql";
import { Spool } from "../media/spool";
import type { Named } from "../references";
import { Refusal } from "../refusal";
import { dropScratchAccount, readGenerations } from "./generations";
import { rowsOf } from "./rows";
import { inspectServer, withConnection } from "./server";
import { lockScratchAccount, makeScratchAccount } from "./stage";

/**
 * The files that rows of the plan's copy of the database name.
 *
 * @returns undefined if there is no such copy to be asked
 * @throws {Refusal} when the query fails
 */
export async function namedByRows(
    plan: MysqlCopyPlan,
    references: MediaReferences,
    signal: AbortSignal,
): Promise<Spool<Named> | undefined> {
    const server = await inspectServer(plan);
    try {
        const generations = await readGenerations(server.admin, plan);
        const next = generations.find(({ id, state }) => id === plan.database.generation && state !== "preparing");
        const database = next?.databases.find(({ name, present }) => name === references.database && present);
        if (next === undefined || database === undefined) {
            return undefined;
        }
        // Production can have left anything behind a name: who asks may do nothing beside.
        const visitor = await makeScratchAccount(server.admin, next.id, [database.current]);
        try {
            return await withConnection(server, { ...visitor, database: database.current }, signal, (connection) =>
                ask(connection, references, next.id),
            );
        } finally {
            await (next.state === "live" ? dropScratchAccount : lockScratchAccount)(server.admin, next.id);
        }
    } finally {
        await server.close();
    }
}

async function ask(connection: Connection, { query, database }: MediaReferences, generation: string) {
    const named = new Spool<Named>();
    try {
        // A query changes nothing, and neither does what it calls.
        await connection.query("start transaction read only");
        const rows = await rowsOf<Record<string, unknown>>(connection, query);
        for (const row of rows) {
            const values = Object.values(row);
            if (values.length !== 1) {
                throw new Error(`it gives ${values.length} columns, and one with paths is wanted`);
            }
            const path = String(values[0] ?? "").replace(/^(\.?\/)+/, "");
            if (path !== "") {
                named.add({ path: Buffer.from(path).toString("latin1") });
            }
        }
        return named;
    } catch (error) {
        named.close();
        throw new Refusal(
            `The query of media.references fails in database ${database} of generation ${generation} ` +
                `(${(error as Error).message}): correct it, or leave it out.`,
        );
    }
}

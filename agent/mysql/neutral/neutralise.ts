import { generationName } from "../../../contract";
import type { MysqlPlan } from "../../../contract/mysql";
import type { DatabaseReport } from "../../../contract/report";
import type { Visitor } from "../connect";
import { foreignKeysOf, orphansOf } from "../keys";
import { type MysqlServer, withConnection } from "../server";
import { runHooks } from "./hooks";
import { Identity } from "./identity";
import { maskDatabase } from "./mask";
import { refuseForbidden } from "./memory";

/** What was done to a database. */
type Done = Pick<DatabaseReport, "hooks" | "masked" | "identity">;

/**
 * Makes a copy of production's data that is restored and proven one that cannot act as production, before anybody uses it.
 *
 * @param visitor account of the generation
 * @returns what was done, by live name
 * @throws {Error} a sentence when any of that fails; the copy must not be used then
 */
export async function neutralise(
    plan: MysqlPlan,
    server: MysqlServer,
    visitor: Visitor,
    signal: AbortSignal,
): Promise<Map<string, Done>> {
    const { generation, databases } = plan.database;
    const aside = (live: string) => generationName(live, generation);
    const done = new Map<string, Done>(databases.map(({ name }) => [name, {}]));
    const identities = new Map(databases.flatMap(({ name }) => identityOf(name)));
    const run = (point: "afterRestore" | "beforeSwitch", hooks: MysqlPlan["hooks"]) =>
        runHooks(point, hooks, server, visitor, aside, signal);
    const before = await run("afterRestore", plan.hooks);
    for (const [name, its] of done) {
        await withConnection(server, { ...visitor, database: aside(name) }, signal, async (connection) => {
            const identity = identities.get(name);
            await identity?.rewrite(connection);
            const masked = await maskDatabase(plan, name, connection);
            await identity?.settle(connection);
            Object.assign(its, masked && { masked }, identity && { identity: identity.report });
        });
    }
    const after = await run("beforeSwitch", plan.hooks);
    // Last of all: whatever else has been written to the copy, its mail goes where the stack file says.
    const mail = await run("beforeSwitch", plan.mail?.sql);
    const hooks = [...before, ...after, ...mail];
    for (const [name, its] of done) {
        const own = hooks.filter(({ database }) => database === name);
        Object.assign(its, own.length > 0 && { hooks: own });
        await withConnection(server, { ...visitor, database: aside(name) }, signal, async (connection) => {
            await identities.get(name)?.prove(connection);
            await refuseForbidden(connection, aside(name), plan.masking?.forbidden ?? []);
            if (its.masked !== undefined || its.identity !== undefined) {
                await refuseOrphans(connection, aside(name));
            }
        });
    }
    return done;

    function identityOf(name: string): [string, Identity][] {
        const wanted = plan.identity?.databases[name];
        const rules = plan.identity?.rewrite ?? [];
        return wanted === undefined ? [] : [[name, new Identity(plan, name, rules, wanted, server)]];
    }
}

/** Keys were not compared while their columns were changed. */
async function refuseOrphans(connection: Parameters<typeof orphansOf>[0], database: string): Promise<void> {
    for (const key of await foreignKeysOf(connection, database)) {
        const orphans = await orphansOf(connection, database, key);
        if (orphans > 0) {
            throw new Error(
                `After masking and identity, rows of table ${key.table} refer by ${key.name} to rows of ${key.parent} that are ` +
                    `not there (${orphans}): columns that refer to each other need the same rule. The copy is not used.`,
            );
        }
    }
}

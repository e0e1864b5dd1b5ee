import type { Connection } from "mysql2/promise";
import { generationName } from "../../../contract";
import type { DatabaseIdentity, IdentityReport } from "../../../contract/identity";
import type { MysqlPlan } from "../../../contract/mysql";
import type { RewriteRule } from "../../../contract/rewrite";
import { problemsOf, rewritableIn, type Tables, tablesOf } from "../../neutral/identity/check";
import type { Rewritable } from "../../neutral/identity/look";
import { tableName } from "../../neutral/mask/columns";
import { log, plural } from "../../report";
import { readGenerations } from "../generations";
import { foreignKeysOf } from "../keys";
import { quoted } from "../rows";
import type { MysqlServer } from "../server";
import { columnsOf } from "./columns";
import { raiseCounters, strangeCounters } from "./floor";
import { ambiguousKeys, takeOver } from "./preserve";
import { type Rewriting, refuseRewritable, rewriteIn, rewritingOf } from "./rewrite";
import { setRows } from "./set";
import { undisturbed } from "./undisturbed";

/** Makes one database of a generation that nobody uses yet the replica's own. */
export class Identity {
    /** What was done so far. */
    readonly report: IdentityReport = {
        ...{ rewritten: {}, emptied: [], set: [], raised: 0, tooShort: [], preserved: {} },
        seconds: 0,
    };
    private readonly database: string;
    private readonly rewriting: Rewriting | undefined;

    /** @param live name that the database will have */
    constructor(
        private readonly plan: MysqlPlan,
        private readonly live: string,
        rules: RewriteRule[],
        private readonly wanted: DatabaseIdentity,
        private readonly server: MysqlServer,
    ) {
        this.database = generationName(live, plan.database.generation);
        this.rewriting = rules.length === 0 ? undefined : rewritingOf(rules);
    }

    /**
     * Empties tables and rewrites addresses: before people's data are masked, of which rules are then about what stays.
     *
     * @param connection the generation's own account's, in the database
     * @throws {Error} a sentence with all that is said of what there is not, before anything is changed
     */
    rewrite(connection: Connection): Promise<void> {
        return this.timed(connection, async (tables) => {
            await this.refuseMistakes(connection, tables);
            const { empty } = this.wanted;
            await undisturbed(connection, this.database, async () => {
                for (const table of empty) {
                    await connection.query(`truncate table ${quoted(table)}`);
                    this.report.emptied.push(table);
                }
                const columns = this.rewritable(tables).filter((column) => !empty.includes(tableName(column)));
                Object.assign(this.report.rewritten, await this.rewriteColumns(connection, columns));
            });
            const rows = Object.values(this.report.rewritten).reduce((sum, count) => sum + count, 0);
            log(`rewrote ${plural(rows, "value")} of ${this.live}, emptied ${plural(empty.length, "table")}`);
        });
    }

    /** Sets what the stack wants, takes rows over, and raises counters: after masking, which would be about these as well. */
    settle(connection: Connection): Promise<void> {
        const { set, floor } = this.wanted;
        return this.timed(connection, async (tables) => {
            await undisturbed(connection, this.database, async () => {
                for (const rows of set) {
                    this.report.set.push({ table: rows.table, rows: await setRows(connection, rows) });
                }
                await this.takeOver(connection, tables);
            });
            Object.assign(this.report, floor !== undefined && (await raiseCounters(connection, floor)));
        });
    }

    /**
     * Makes sure that nothing of what is rewritten is left, when all else is done.
     *
     * @throws {Error} that names the columns in which it is
     */
    prove(connection: Connection): Promise<void> {
        return this.timed(connection, async (tables) => {
            if (this.rewriting !== undefined) {
                await refuseRewritable(connection, this.rewritable(tables), this.rewriting);
            }
        });
    }

    private rewritable(tables: Tables): Rewritable[] {
        return rewritableIn(tables, this.wanted);
    }

    private async rewriteColumns(connection: Connection, columns: Rewritable[]) {
        return this.rewriting === undefined ? {} : rewriteIn(connection, columns, this.rewriting, "rewrite");
    }

    private async refuseMistakes(connection: Connection, tables: Tables): Promise<void> {
        const { empty, preserve, floor } = this.wanted;
        const keys = await foreignKeysOf(connection, this.database);
        const referring = keys
            .filter(({ parent, table }) => empty.includes(parent) && !empty.includes(table))
            .map(({ name, parent, table }) => {
                return `identity.empty names ${parent}, to which rows of ${table} refer (${name}): name ${table} too, or leave ${parent} out`;
            });
        const problems = [
            ...problemsOf(tables, this.wanted),
            ...referring,
            ...(await strangeCounters(connection, floor)),
            ...(await ambiguousKeys(connection, tables, preserve)),
        ];
        if (problems.length > 0) {
            throw new Error(`Database ${this.live} and the stack file do not fit: ${problems.join("; ")}.`);
        }
    }

    /** Takes the rows of tables over from the copy in use, with addresses rewritten that are still production's there. */
    private async takeOver(connection: Connection, tables: Tables): Promise<void> {
        const { preserve } = this.wanted;
        const { preserved } = this.report;
        const generations = preserve.length === 0 ? [] : await readGenerations(this.server.admin, this.plan);
        const inUse = generations
            .find(({ state }) => state === "live")
            ?.databases.find(({ name, present }) => name === this.live && present);
        for (const one of preserve) {
            preserved[one.table] =
                inUse === undefined
                    ? "no copy is in use"
                    : await takeOver(this.server.admin, { from: inUse.current, to: this.database }, one);
            const columns = tables.get(one.table) ?? [];
            await this.rewriteColumns(connection, this.rewritable(new Map([[one.table, columns]])));
        }
    }

    private async timed(connection: Connection, work: (tables: Tables) => Promise<void>): Promise<void> {
        const start = performance.now();
        await work(tablesOf(await columnsOf(connection, this.database)));
        this.report.seconds = Math.round(this.report.seconds * 1000 + performance.now() - start) / 1000;
    }
}

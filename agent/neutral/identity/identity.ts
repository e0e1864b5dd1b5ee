import type { Client } from "pg";
import { generationName, type Plan } from "../../../contract";
import type { DatabaseIdentity, IdentityReport, Preserved } from "../../../contract/identity";
import type { RewriteRule } from "../../../contract/rewrite";
import { grouped } from "../../grouped";
import { actingAsOwner } from "../../postgres/acting";
import { readGenerations } from "../../postgres/generations";
import { type Server, withClient } from "../../postgres/server";
import { log, plural } from "../../report";
import { columnsOf, tableName } from "../mask/columns";
import { undisturbed } from "../undisturbed";
import { problemsOf, rewritableIn, type Tables, tablesOf } from "./check";
import { emptyTables, referring } from "./empty";
import { find, type Rewritable, rewritingIn } from "./look";
import { ambiguousKeys, takeOver } from "./preserve";
import { refuseRewritable, rewriteFound } from "./rewrite";
import { raiseAbove, raiseSequences, strangeSequences } from "./sequences";
import { setRows } from "./set";

/** Makes one database of a generation that nobody uses yet the replica's own. */
export class Identity {
    /** What was done so far. */
    readonly report: IdentityReport = {
        ...{ rewritten: {}, emptied: [], set: [], raised: 0, tooShort: [], preserved: {} },
        seconds: 0,
    };

    /** @param live name that the database will have */
    constructor(
        private readonly plan: Plan,
        private readonly live: string,
        private readonly rules: RewriteRule[],
        private readonly wanted: DatabaseIdentity,
        private readonly server: Server,
        private readonly signal: AbortSignal,
    ) {}

    /**
     * Empties tables and rewrites addresses: before people's data are masked, of which rules are then about what stays.
     *
     * @throws {Error} a sentence with all that is said of what there is not, before anything is changed
     */
    rewrite(): Promise<void> {
        return this.timed(async (client, tables) => {
            await this.refuseMistakes(client, tables);
            const { empty } = this.wanted;
            const columns = this.rewritable(tables).filter((column) => !empty.includes(tableName(column)));
            const rewriting = await rewritingIn(client, this.rules);
            const found = this.rules.length === 0 ? [] : await find(client, columns, rewriting);
            const named = [...empty, ...found.map(({ column }) => tableName(column))];
            await this.asOwners(tables, named, async (owners, their) => {
                const theirs = empty
                    .filter((table) => their.has(table))
                    .flatMap((table) => their.get(table)?.[0] ?? []);
                this.report.emptied.push(...(await emptyTables(owners, theirs)));
                const its = found.filter(({ column }) => their.has(tableName(column)));
                Object.assign(this.report.rewritten, await rewriteFound(owners, its, rewriting));
            });
            const rows = Object.values(this.report.rewritten).reduce((sum, count) => sum + count, 0);
            log(`rewrote ${plural(rows, "value")} of ${this.live}, emptied ${plural(empty.length, "table")}`);
        });
    }

    /** Sets what the stack wants, takes rows over, and raises sequences: after masking, which would be about these as well. */
    settle(): Promise<void> {
        const { set, preserve, floor } = this.wanted;
        return this.timed(async (client, tables) => {
            const named = [...set, ...preserve].map(({ table }) => table);
            await this.asOwners(tables, named, async (owners, their) => {
                for (const rows of set.filter(({ table }) => their.has(table))) {
                    this.report.set.push({ table: rows.table, rows: await setRows(owners, their, rows) });
                }
                await this.takeOver(
                    owners,
                    their,
                    preserve.filter(({ table }) => their.has(table)),
                );
            });
            await raiseAbove(
                client,
                preserve.flatMap(({ table }) => tables.get(table) ?? []),
            );
            Object.assign(this.report, floor !== undefined && (await raiseSequences(client, floor)));
        });
    }

    /**
     * Makes sure that nothing of what is rewritten is left, when all else is done.
     *
     * @throws {Error} that names the columns in which it is
     */
    prove(): Promise<void> {
        return this.timed(async (client, tables) => {
            if (this.rules.length > 0) {
                await refuseRewritable(client, this.rewritable(tables), await rewritingIn(client, this.rules));
            }
        });
    }

    private rewritable(tables: Tables): Rewritable[] {
        return rewritableIn(tables, this.wanted);
    }

    private async refuseMistakes(client: Client, tables: Tables): Promise<void> {
        const { empty, preserve, floor } = this.wanted;
        const problems = [
            ...problemsOf(tables, this.wanted),
            ...(await referring(
                client,
                empty.flatMap((table) => tables.get(table)?.[0] ?? []),
            )),
            ...(await strangeSequences(client, floor)),
            ...(await ambiguousKeys(client, tables, preserve)),
        ];
        if (problems.length > 0) {
            throw new Error(`Database ${this.live} and the stack file do not fit: ${problems.join("; ")}.`);
        }
    }

    /** Takes the rows of tables over from the copy in use, with addresses rewritten that are still production's there. */
    private async takeOver(owners: Client, tables: Tables, preserve: Preserved[]): Promise<void> {
        const { preserved } = this.report;
        const generations = preserve.length === 0 ? [] : await readGenerations(this.server.admin, this.plan);
        const inUse = generations
            .find(({ state }) => state === "live")
            ?.databases.find(({ name, present }) => name === this.live && present);
        if (inUse === undefined) {
            Object.assign(preserved, Object.fromEntries(preserve.map(({ table }) => [table, "no copy is in use"])));
            return;
        }
        const rewriting = await rewritingIn(owners, this.rules);
        for (const { table, key } of preserve) {
            const columns = tables.get(table) ?? [];
            preserved[table] = await withClient(this.server, inUse.current, this.signal, (live) =>
                takeOver(live, owners, { columns, key }),
            );
            const found =
                this.rules.length === 0
                    ? []
                    : await find(owners, this.rewritable(new Map([[table, columns]])), rewriting);
            await rewriteFound(owners, found, rewriting);
        }
    }

    /** Changes tables as each of their owners in turn. */
    private async asOwners(
        tables: Tables,
        names: string[],
        work: (client: Client, theirs: Tables) => Promise<void>,
    ): Promise<void> {
        const touched = [...tables].filter(([name]) => names.includes(name));
        const { generation } = this.plan.database;
        const database = generationName(this.live, generation);
        for (const [owner, theirs] of grouped(touched, ([, columns]) => columns[0]?.owner ?? "")) {
            const columns = theirs.flatMap(([, columns]) => columns);
            await actingAsOwner(this.server, { generation, database, owner }, this.signal, (client) =>
                undisturbed(client, columns, () => work(client, new Map(theirs))),
            );
        }
    }

    private async timed(work: (client: Client, tables: Tables) => Promise<void>): Promise<void> {
        const start = performance.now();
        const database = generationName(this.live, this.plan.database.generation);
        await withClient(this.server, database, this.signal, async (client) =>
            work(client, tablesOf(await columnsOf(client))),
        );
        this.report.seconds = Math.round(this.report.seconds * 1000 + performance.now() - start) / 1000;
    }
}

import type { Client } from "pg";
import { type CopyPlan, generationFiles, type MediaReferences } from "../contract";
import type { References } from "../contract/report";
import { Folders } from "./media/folders";
import { joined } from "./media/join";
import { type Known, readManifest } from "./media/manifest";
import { display } from "./media/name";
import { Spool } from "./media/spool";
import { actingAsOwner } from "./postgres/acting";
import { readGenerations } from "./postgres/generations";
import { inspectServer } from "./postgres/server";
import { Refusal } from "./refusal";
import { plural } from "./report";

/** Rows that are asked for at once. */
const some = 10_000;

/** Paths that a sentence names. */
const few = 3;

/** A path that a row names, as the bytes of its name in Latin-1: as the list of a generation's files has it. */
export interface Named {
    path: string;
}

/** A plan, as far as copies are compared. */
type Compared = Pick<CopyPlan, "media"> & { database: { generation: string } };

/** Asks a copy of the database. */
export type AskRows = (references: MediaReferences) => Promise<Spool<Named> | undefined>;

/**
 * Compares the files that rows of the plan's copy of the database name with those of the plan's copy of the media.
 *
 * @param ask gives what rows name; nothing if no such copy is there to be asked
 * @returns undefined if the plan has no query for it, or no such copy is there to be asked
 * @throws {Refusal} when more of them are missing than the plan allows, or the query fails
 */
export async function compareReferences(plan: Compared, ask: AskRows): Promise<References | undefined> {
    const { references, volume, generation } = plan.media;
    if (references === undefined) {
        return undefined;
    }
    const named = await ask(references);
    if (named === undefined) {
        return undefined;
    }
    const tree = new Folders(volume);
    let files: Spool<Known> | undefined;
    try {
        // A link serves who asks for it as a file does.
        files = (await readManifest(tree, generationFiles(generation), ["file", "link"])) ?? new Spool<Known>();
        const found = compare(files, named);
        refuseMissing(found, references, plan);
        return found;
    } finally {
        files?.close();
        named.close();
        await tree.close();
    }
}

/** What was found, in words; empty if nobody has looked. */
export function describeReferences(found: References | undefined): string {
    if (found === undefined) {
        return "";
    }
    const { named, missing, orphans } = found;
    if (named === 0) {
        return " The query of media.references names no file.";
    }
    const lost = missing === 0 ? "all of them there" : `${missing} of them missing (${listOf(found)})`;
    return ` Rows name ${plural(named, "file")}, ${lost}; ${plural(orphans, "file")} named by none.`;
}

/** What rows of the plan's copy name; nothing if there is none to be asked. */
export async function namedByRows(
    plan: CopyPlan,
    references: MediaReferences,
    signal: AbortSignal,
): Promise<Spool<Named> | undefined> {
    const server = await inspectServer(plan, "switch");
    try {
        const generations = await readGenerations(server.admin, plan);
        const next = generations.find(({ id, state }) => id === plan.database.generation && state !== "preparing");
        const database = next?.databases.find(({ name, present }) => name === references.database && present);
        if (database === undefined) {
            return undefined;
        }
        const acting = { generation: plan.database.generation, database: database.current, owner: database.owner };
        return await actingAsOwner(server, acting, signal, ask);
    } finally {
        await server.close();
    }

    async function ask(client: Client): Promise<Spool<Named>> {
        const named = new Spool<Named>();
        try {
            for await (const path of pathsIn(client, references.query)) {
                named.add({ path });
            }
            return named;
        } catch (error) {
            named.close();
            signal.throwIfAborted();
            throw new Refusal(
                `The query of media.references fails in database ${references.database} of generation ` +
                    `${plan.database.generation} (${(error as Error).message}): correct it, or leave it out.`,
            );
        }
    }
}

/** What the query gives, row by row. It can change nothing, and may do what the database's owner may: production can have left anything behind a name. */
async function* pathsIn(client: Client, query: string): AsyncGenerator<string> {
    await client.query("begin transaction isolation level repeatable read, read only");
    // With a name it is prepared, so that it is one statement and no more.
    await client.query({ name: "references", text: `declare named no scroll cursor for ${query}` });
    for (;;) {
        const { rows, fields } = await client.query<unknown[]>({ text: `fetch ${some} from named`, rowMode: "array" });
        if (fields.length !== 1) {
            throw new Error(`it gives ${fields.length} columns, and one with paths is wanted`);
        }
        for (const [value] of rows) {
            const path = String(value ?? "").replace(/^(\.?\/)+/, "");
            if (path !== "") {
                yield Buffer.from(path).toString("latin1");
            }
        }
        if (rows.length < some) {
            return;
        }
    }
}

function compare(files: Spool<Known>, named: Spool<Named>): References {
    const found: References = { named: 0, missing: 0, examples: [], orphans: 0 };
    for (const { items, known } of joined<Known, Known | Named>(files, [named], ({ path }) => path)) {
        const wanted = new Set(known[0]?.keys());
        found.named += wanted.size;
        for (const { path } of items) {
            found.orphans += wanted.delete(path) ? 0 : 1;
        }
        found.missing += wanted.size;
        found.examples.push(...[...wanted].slice(0, few - found.examples.length).map(display));
    }
    return found;
}

function refuseMissing(found: References, { maximumMissing }: MediaReferences, { database, media }: Compared): void {
    const percent = (100 * found.missing) / Math.max(found.named, 1);
    if (percent > maximumMissing) {
        const shown = Math.ceil(percent * 10) / 10;
        throw new Refusal(
            `Of ${plural(found.named, "file")} that rows of database generation ${database.generation} name, ` +
                `${found.missing} (${shown} %) are not in media generation ${media.generation} (${listOf(found)}), and ` +
                `media.references.maximumMissing is ${maximumMissing} %: refresh the database and the media together; or, ` +
                `if production lacks them too, set it to ${Math.ceil(percent)}.`,
        );
    }
}

function listOf({ missing, examples }: References): string {
    return [...examples, ...(missing > examples.length ? ["…"] : [])].join(", ");
}

import { type Client, escapeIdentifier as name } from "pg";
import type { Extension } from "../backup/extension";
import { DumpError } from "../backup/piece";

/** What {@link Extensions} needs. */
export interface ExtensionStage {
    /** Superuser's connection to the database. */
    client: Client;
    /** The server's version. */
    version: string;
    /** Names of the untrusted extensions that the stack file allows. */
    allowed: string[];
    /** Role that loads. */
    standIn: string;
}

/** The extensions of a dump, as they are made. */
export class Extensions {
    private readonly bySuperuser = new Set<string>();

    constructor(private readonly stage: ExtensionStage) {}

    /**
     * Makes an extension: as the role that loads, which can make trusted ones alone, or as superuser where the stack
     * file allows it. That role may then fill the tables of which the dump has rows, and have foreign keys lead there.
     *
     * @param asStandIn does it as the role that loads, and waits for it
     * @returns how many rows the extension has made itself in these tables, by name as a dump writes it
     * @throws {Error} one sentence when it cannot be made
     * @throws {DumpError} when it cannot be made safely: the rest of a sentence
     */
    async make(extension: Extension, asStandIn: () => Promise<void>): Promise<Map<string, number>> {
        const { client, version, allowed } = this.stage;
        const problem = await extensionProblem(client, version, allowed, new Map([[extension.name, extension.name]]));
        if (problem !== undefined) {
            throw new Error(`It ${problem}`);
        }
        if (await isUntrusted(client, extension.name)) {
            await this.makeAsSuperuser(extension);
        } else {
            await asStandIn();
        }
        return this.openTables(extension);
    }

    /** Whether the superuser has made it, whose it is then. */
    isSuperusers(extension: string): boolean {
        return this.bySuperuser.has(extension);
    }

    private async makeAsSuperuser({ name: extension, schema }: Extension): Promise<void> {
        const { client } = this.stage;
        // Older servers put it into the extension's script as it is.
        if (/["$'\\]/.test(schema)) {
            throw new DumpError(`makes the extension ${extension} in a schema with quotes in its name`);
        }
        if (await holdsOwnObjects(client)) {
            throw new DumpError(`makes the extension ${extension} after objects of its own, which pg_dump never does`);
        }
        await client
            .query(`create extension if not exists ${name(extension)} with schema ${name(schema)}`)
            .catch((error: Error) => {
                throw new Error(`PostgreSQL says of the extension ${extension}: ${error.message}`);
            });
        this.bySuperuser.add(extension);
    }

    /** Lets the role that loads fill the tables and sequences that the extension wants to have dumped. */
    private async openTables({ name: extension }: Extension): Promise<Map<string, number>> {
        const { client, standIn } = this.stage;
        const { rows } = await client.query<{ kind: string; schema: string; relation: string }>(
            `select relkind as kind, nspname as schema, format('%I.%I', nspname, relname) as relation
               from pg_extension join pg_class c on c.oid = any (extconfig) join pg_namespace n on n.oid = relnamespace
              where extname = $1`,
            [extension],
        );
        const made = new Map<string, number>();
        for (const { kind, schema, relation } of rows) {
            const right = kind === "S" ? `update on sequence ${relation}` : `insert, references on table ${relation}`;
            await client.query(`grant usage on schema ${name(schema)} to ${name(standIn)}`);
            await client.query(`grant ${right} to ${name(standIn)}`);
            if (kind !== "S") {
                const counted = await client.query<{ count: string }>(`select count(*) from ${relation}`);
                made.set(relation, Number(counted.rows[0]?.count));
            }
        }
        return made;
    }
}

/**
 * Why extensions cannot be made on a server, as the rest of a sentence, if they cannot.
 *
 * @param allowed names of the untrusted ones that the stack file allows
 * @param wanted what they are called in the sentence, by name
 */
export async function extensionProblem(
    client: Client,
    version: string,
    allowed: string[],
    wanted: ReadonlyMap<string, string>,
): Promise<string | undefined> {
    const { rows } = await client.query<{ name: string }>("select name from pg_available_extensions");
    const available = new Set(rows.map((row) => row.name));
    const missing: string[] = [];
    const untrusted: string[] = [];
    for (const [extension, called] of wanted) {
        if (!available.has(extension)) {
            missing.push(called);
        } else if (!allowed.includes(extension) && (await isUntrusted(client, extension))) {
            untrusted.push(called);
        }
    }
    const problems = [
        [
            missing,
            `, and the server, ${version}, does not have it: use an image that has it (database.image), or install it ` +
                "on the server of database.server",
        ],
        [
            untrusted,
            ", which only a superuser can make: write its name to database.extensions if its functions may run in the " +
                "server, where they can do whatever the server can",
        ],
    ] as const;
    const found = problems.flatMap(([names, what]) =>
        names.length === 0 ? [] : [`needs the extension ${names.join(", ")}${what}`],
    );
    return found.length === 0 ? undefined : found.join("; it ");
}

/** Whether only a superuser can make it. */
async function isUntrusted(client: Client, extension: string): Promise<boolean> {
    const { rowCount } = await client.query(
        // Before version 13 none was trusted.
        `select from pg_available_extensions e join pg_available_extension_versions v
                  on v.name = e.name and v.version = default_version
          where e.name = $1 and superuser and coalesce(to_jsonb(v) ->> 'trusted', 'false') = 'false'`,
        [extension],
    );
    return rowCount !== 0;
}

/** Whether a dump has made anything that an extension's script, run as superuser, could take for what it means to call. */
async function holdsOwnObjects(client: Client): Promise<boolean> {
    const { rowCount } = await client.query(
        `select from pg_shdepend
          where dbid = (select oid from pg_database where datname = current_database()) and deptype = 'o'
            and refobjid <> current_user::regrole
            and classid <> all (array['pg_namespace', 'pg_extension', 'pg_collation']::regclass[]::oid[]) limit 1`,
    );
    return rowCount !== 0;
}

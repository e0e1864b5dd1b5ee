import { type Client, escapeIdentifier } from "pg";

/** What stands under a name: its kind as in `pg_class.relkind`, none if nothing does, and its name with quotes. */
export interface Relation {
    kind?: string;
    identifier: string;
}

/** What kind of relation stands under a name as a dump writes it. */
export async function relation(client: Client, name: string): Promise<Relation> {
    const { rows } = await client.query<{ kind: string; schema: string; name: string }>(
        `select c.relkind as kind, n.nspname as schema, c.relname as name
           from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1)`,
        [name],
    );
    const found = rows[0];
    return found === undefined
        ? { identifier: "" }
        : { kind: found.kind, identifier: `${escapeIdentifier(found.schema)}.${escapeIdentifier(found.name)}` };
}

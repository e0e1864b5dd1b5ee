import type { Client } from "pg";
import type { Rule, Sign } from "../../../contract/masking";
import { asText, type Column, tableOf } from "./columns";

/** Values of a column that are looked at, about. */
const enough = 20_000;

/** What values can look like, with the rule that is for it and the share of them that has to. The first that fits counts. */
export const looks: { looks: string; pattern: string; rule: Rule; share: number }[] = [
    {
        looks: "hashes of passwords",
        pattern: String.raw`^(\$(2[abxy]?|5|6|1|argon2[id]+|scrypt|pbkdf2[-\w]*)\$|\{SSHA|(pbkdf2|bcrypt|argon2|scrypt)_?\w*\$)`,
        rule: "unusable",
        share: 0.5,
    },
    {
        looks: "e-mail addresses",
        pattern: String.raw`^\s*([^<>@]*<)?[^@\s<>,;]+@[^@\s<>,;]+\.[[:alpha:]]{2,}>?\s*$`,
        rule: "email",
        share: 0.5,
    },
    { looks: "telephone numbers", pattern: String.raw`^(\+|0|\()[0-9][0-9 ()/.-]{5,18}$`, rule: "phone", share: 0.8 },
    {
        looks: "keys or tokens",
        pattern: String.raw`^(eyJ[\w-]+\.|-----BEGIN |[sp]k_(live|test)_|gh[pousr]_|xox[abp]-|AKIA[0-9A-Z]{16})`,
        rule: "hash",
        share: 0.01,
    },
    {
        looks: "addresses of machines",
        pattern: String.raw`^([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]+)?$`,
        rule: "hash",
        share: 0.5,
    },
    {
        looks: "bank accounts",
        pattern: `^[A-Z]{2}[0-9]{2} ?([0-9A-Z]{4} ?){2,7}[0-9A-Z]{0,4}$`,
        rule: "hash",
        share: 0.5,
    },
    {
        looks: "texts with e-mail addresses",
        pattern: String.raw`[^@\s]@[^@\s]+\.[[:alpha:]]{2,}`,
        rule: "hash",
        share: 0,
    },
];

/**
 * What a column's values look like. They are counted in the server, and none of them leaves it.
 *
 * @param client superuser's: row security hides nothing from it, and no function of the database is called
 * @returns undefined if they look like nothing that is known, or there are none
 */
export async function signOf(client: Client, column: Column): Promise<Sign | undefined> {
    const counts = looks.map((_, number) => `count(*) filter (where value ~ $${number + 1})::integer as n${number}`);
    const { rows } = await client.query<Record<string, number>>(
        `select count(*)::integer as values, ${counts.join(", ")}
           from (select ${asText(column)} as value from ${tableOf(column)} tablesample system (${await percent(client, column)})
                  limit ${enough}) as sample
          where value <> ''`,
        looks.map(({ pattern }) => pattern),
    );
    const [{ values = 0, ...found } = {}] = rows;
    return signIn(
        looks.map((_, number) => found[`n${number}`] ?? 0),
        values,
    );
}

/** The sign in how many of a column's values have each of the looks; undefined if none of them counts. */
export function signIn(counts: number[], values: number): Sign | undefined {
    const index = looks.findIndex(({ share }, number) => {
        const count = counts[number] ?? 0;
        return count > 0 && count >= share * values;
    });
    const look = looks[index];
    return look && { looks: look.looks, rule: look.rule, count: counts[index] ?? 0, values };
}

/** Share of a table's pages that holds about as many rows as are looked at; all of one that nothing is known of. */
async function percent(client: Client, column: Column): Promise<number> {
    const { rows } = await client.query<{ rows: number }>(
        `select reltuples as rows from pg_class join pg_namespace n on n.oid = relnamespace
          where nspname = $1 and relname = $2`,
        [column.schema, column.table],
    );
    const known = rows[0]?.rows ?? 0;
    return known <= enough ? 100 : Math.min(100, (200 * enough) / known);
}

import { type Client, DatabaseError, escapeLiteral as text } from "pg";
import type { DatabasePlan } from "../../contract";
import type { DumpedDatabase } from "../../contract/manifest";
import { Refusal } from "../refusal";
import type { Server } from "./server";

type Wanted = Pick<DatabasePlan, "encoding" | "locale">;
type Provider = NonNullable<DatabasePlan["locale"]>["provider"];

/** First major version that knows other providers of locales than the operating system's C library. */
const knowingProviders = 15;

/** Letter of a provider in the server's catalogs. */
const letters: Record<Provider, string> = { libc: "c", icu: "i", builtin: "b" };

/** Name of a database's collation: the C library's, or with its provider. Version 15 has ICU's in a column of its own. */
export const collationSql = `case when to_jsonb(d) ->> 'datlocprovider' in ('i', 'b')
        then coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
             || case to_jsonb(d) ->> 'datlocprovider' when 'i' then ' (icu)' else ' (builtin)' end
        else datcollate end`;

/** The part of CREATE DATABASE that says how text is stored and sorted; what the server has where nothing is set. */
export function localeClause({ encoding, locale }: Wanted, major: number): string {
    const clause = `encoding ${text(encoding)}`;
    if (locale === undefined) {
        return clause;
    }
    const { name, provider } = locale;
    if (provider === "libc") {
        return `${clause} ${major >= knowingProviders ? "locale_provider libc" : ""} locale ${text(name)}`;
    }
    return `${clause} locale_provider ${provider} ${provider}_locale ${text(name)}`;
}

/**
 * Refuses a locale that the server does not have, or that does not fit the encoding.
 *
 * @throws {Refusal} that names what is asked for and what the server has
 */
export async function refuseUnfitLocale(
    { admin, version, major }: Pick<Server, "admin" | "version" | "major">,
    { encoding, locale }: Wanted,
): Promise<void> {
    const { rows } = await admin.query<{ encoding: string; collation: string }>(
        `select pg_encoding_to_char(encoding) as encoding, ${collationSql} as collation
           from pg_database d where datname = 'template0'`,
    );
    const own = rows[0];
    if (locale === undefined && own?.encoding === encoding) {
        return;
    }
    const problem =
        locale?.provider === "icu" && !(await knowsLanguage(admin, locale.name))
            ? "it has no such language"
            : await refusalOf(admin, localeClause({ encoding, locale }, major));
    if (problem !== undefined) {
        const { provider, name } = locale ?? { provider: "libc", name: "its own locale" };
        const list = `select collname from pg_collation where collprovider = '${letters[provider]}'`;
        throw new Refusal(
            `A database of encoding ${encoding} and ${locale === undefined ? name : `locale ${name} (${provider})`}, as ` +
                `database.encoding and database.locale ask for, cannot be made on this server (${problem}): PostgreSQL ` +
                `${version} there has encoding ${own?.encoding} and collation ${own?.collation} by itself, and ` +
                `"${list}" lists what else it knows.`,
        );
    }
}

/**
 * Why the server would not make a database like this. It looks at all of the statement but for the rows of the template
 * before it looks for the tablespace, and no name of a tablespace begins like this one: nothing is made.
 */
async function refusalOf(admin: Client, clause: string): Promise<string | undefined> {
    try {
        await admin.query(`create database understudy_locale template template0 ${clause} tablespace pg_none`);
    } catch (error) {
        if (error instanceof DatabaseError) {
            return error.routine === "get_tablespace_oid" ? undefined : error.message;
        }
        throw error;
    }
    throw new Error("The server has made a database in a tablespace that cannot be.");
}

/** Whether ICU has the language of a locale: it takes any name, and sorts by its root where it does not know it. */
async function knowsLanguage(admin: Client, locale: string): Promise<boolean> {
    const [language = ""] = locale.toLowerCase().split(/[-_@]/);
    const { rowCount } = await admin.query(
        "select from pg_collation where collprovider = 'i' and split_part(collname, '-', 1) = $1 limit 1",
        [language],
    );
    return rowCount === 1;
}

/** What may differ from production because text is stored or sorted in another way in the copy. */
export async function localeDifferences(client: Client, facts: DumpedDatabase | undefined): Promise<string[]> {
    if (facts === undefined) {
        return [];
    }
    const { rows } = await client.query<Pick<DumpedDatabase, "encoding" | "collation"> & { version: string | null }>(
        `select pg_encoding_to_char(encoding) as encoding, ${collationSql} as collation,
                to_jsonb(d) ->> 'datcollversion' as version
           from pg_database d where datname = current_database()`,
    );
    return rows.flatMap(({ encoding, collation, version }) => [
        ...(encoding === facts.encoding
            ? []
            : [
                  `whether text can be written as in production: the encoding is ${encoding} here, and ${facts.encoding} there`,
              ]),
        ...(normal(collation) === normal(facts.collation)
            ? versionDifference(collation, version, facts.collationVersion)
            : [
                  `whether text sorts as in production: the collation is ${collation} here, and ${facts.collation} there`,
              ]),
    ]);
}

function versionDifference(collation: string, here: string | null, there = here): string[] {
    return here === there || here === null
        ? []
        : [
              `whether text sorts as in production: the collation ${collation} is of version ${here} here, and ${there} there`,
          ];
}

/** One spelling of the C library's many: `en_US.UTF-8` is `en_US.utf8`, and `POSIX` is `C`. */
function normal(collation: string): string {
    const spelled = collation.toLowerCase().replaceAll("-", "");
    return spelled === "posix" ? "c" : spelled;
}

/** A load's error with the setting that it is about, if text of production does not fit into the copy's encoding. */
export function namingEncoding(error: unknown, { encoding }: Wanted): unknown {
    if (!(error instanceof Error) || !/has no equivalent in encoding|invalid byte sequence for/.test(error.message)) {
        return error;
    }
    return new Error(
        `${error.message.replace(/[.\s]*$/, "")}; database.encoding is ${encoding}: set it to production's own.`,
    );
}

/** What a stack file says that its database's engine does not know. */
import type { Written } from ".";

/** Databases that every server of MySQL or MariaDB has, and ours. */
const serversOwn = ["mysql", "information_schema", "performance_schema", "sys", "understudy"];

/** Settings of the other engine, each with what to write. */
export function engineContradictions({ database, source }: Written): string[] {
    return database.engine === "postgres" ? ofPostgres({ database, source }) : ofMysql({ database, source });
}

function ofPostgres({ database, source }: Pick<Written, "database" | "source">): string[] {
    const { command, files, excludeTableData = [] } = source.database ?? {};
    const isDumped = (command ?? files) === undefined;
    const ownerless = all(database).filter(({ owner }) => owner === undefined);
    return [
        ...ownerless.map(({ at }) => `${at}.owner is missing: write the role that owns the database`),
        ...(source.serverId === undefined
            ? []
            : ["source.serverId is of MySQL and MariaDB: write source.systemIdentifier, or leave it out"]),
        ...(isDumped || database.dump !== "server"
            ? []
            : [
                  "database.dump is server, but source.database.command and files are about each database alone: write database, or leave them out",
              ]),
        ...(excludeTableData.length === 0 || (isDumped && database.dump !== "server")
            ? []
            : [
                  "source.database.excludeTableData is for pg_dump of a database alone, which does not run here: leave it out",
              ]),
    ];
}

function ofMysql({ database, source }: Pick<Written, "database" | "source">): string[] {
    const written: [string, boolean][] = [
        ...all(database).flatMap(({ at, owner, production }): [string, boolean][] => [
            [`${at}.owner`, owner !== undefined],
            [`${at}.production.owner`, production?.owner !== undefined],
        ]),
        ["database.dump", database.dump !== "database"],
        ["database.expectedCount", database.expectedCount !== undefined],
        ["database.keepBase", database.keepBase],
        ["database.amcheck", database.amcheck],
        ["database.extensions", database.extensions.length > 0],
        ["database.encoding", database.encoding !== "UTF8"],
        ["database.locale", database.locale !== undefined],
        ["source.database.excludeTableData", (source.database?.excludeTableData.length ?? 0) > 0],
    ];
    return [
        ...written.flatMap(([name, isWritten]) => (isWritten ? [`${name} is for PostgreSQL alone: leave it out`] : [])),
        ...all(database)
            .filter(({ name }) => serversOwn.includes(name))
            .map(
                ({ at, name }) =>
                    `${at}.name is ${name}: write one of the application's databases; this one is every server's own`,
            ),
        ...(source.systemIdentifier === undefined
            ? []
            : [
                  "source.systemIdentifier is of PostgreSQL: write source.serverId (select @@server_uid, in MySQL @@server_uuid)",
              ]),
    ];
}

/** The databases, each with where the stack file has it. */
function all(database: Written["database"]) {
    return [database, ...database.others].map((one, index) => ({
        ...one,
        at: index === 0 ? "database" : `database.others.${index - 1}`,
    }));
}

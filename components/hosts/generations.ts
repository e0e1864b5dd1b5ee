/** What the settings of a replica on hosts come to, before any resource: which copies are asked for, and why. */
import { generationId, inProduction } from "../../contract";
import { databasesOf } from "../../settings/database";
import type { HostSettings } from "../../settings/hosts";
import { describeOrigin, type FolderSettings, type OriginSettings } from "../../settings/hosts/folders";
import type { Generations } from "../generations";
import { reasonsOfHooks } from "../hooks";
import { reasonsOfIdentity } from "../identity";
import { reasonsOfMasking } from "../masking";

/** The copies that the settings ask for: whatever shapes the data is in their ids, and nothing else. */
export function generationsOf(settings: HostSettings): HostGenerations {
    const reasons = reasonsOf(settings);
    const folders = Object.entries(reasons.folders).map(([name, why]) => [name, generationId(why)]);
    return {
        database: generationId(reasons.database),
        media: generationId(reasons.media),
        folders: Object.fromEntries(folders),
    };
}

/** Ids of the copies on hosts, those of further folders by their names. */
export interface HostGenerations extends Generations {
    folders: Record<string, string>;
}

/** What shapes the copy of a folder. */
function reasonsOfCopy(
    from: OriginSettings,
    copied: Omit<FolderSettings, "name" | "from" | "to">,
): Record<string, string> {
    const { refresh, sharing, links, owners, exclude, sentinel, group, user, permissions } = copied;
    return {
        source: describeOrigin(from),
        ...{ refresh, sharing, links, owners },
        ...(exclude.length > 0 && { exclude: exclude.join(", ") }),
        ...(sentinel !== undefined && { sentinel }),
        ...(owners === "agent" && { group: String(group) }),
        ...(user !== undefined && { user: String(user) }),
        ...(permissions !== undefined && { permissions: `${permissions.files}, folders ${permissions.folders}` }),
    };
}

/** The readable parts of these ids, as a diff shows them. */
export function reasonsOf(settings: HostSettings) {
    const { source, database, media, folders } = settings;
    const { host, server, command, files, excludeTableData } = source.database;
    const { engine, backup, refresh, dump, encoding, locale, localeProvider } = database;
    return {
        database: {
            source: `${host}:${server.host}:${server.port}`,
            backup,
            refresh,
            ...(engine === "postgres" ? { dump } : { engine }),
            databases: databasesOf(database)
                .map((one) =>
                    engine === "postgres"
                        ? `${one.name} of ${one.owner}, in production ${inProduction(one).name} of ${inProduction(one).owner}`
                        : `${one.name}, in production ${inProduction(one).name}`,
                )
                .join("; "),
            ...(command !== undefined && { command }),
            ...(files !== undefined && { files }),
            ...(excludeTableData.length > 0 && { excludeTableData: excludeTableData.join(", ") }),
            ...(encoding !== "UTF8" && { encoding }),
            ...(locale !== undefined && { locale: `${locale} of ${localeProvider}` }),
            ...reasonsOfHooks("prepare-database", settings),
            ...reasonsOfMasking(settings),
            ...reasonsOfIdentity(settings),
        } as Record<string, string>,
        media:
            media === undefined
                ? ({ mode: "none" } as Record<string, string>)
                : media.mode === "copy"
                  ? { mode: media.mode, ...reasonsOfCopy(source.media ?? "", media) }
                  : ({
                        source: describeOrigin(source.media),
                        mode: media.mode,
                        ...(media.sentinel !== undefined && { sentinel: media.sentinel }),
                    } as Record<string, string>),
        folders: Object.fromEntries(folders.map((folder) => [folder.name, reasonsOfCopy(folder.from, folder)])),
    };
}

/** What shapes the database's copy besides its backup, and besides the names that it has here. */
export function rulesOf({ database, target }: HostSettings): string {
    const { engine, dump, expectedCount, extensions, encoding, locale, localeProvider } = database;
    return generationId({
        ...(engine !== "postgres" && { engine }),
        production: JSON.stringify(databasesOf(database).map(inProduction)),
        dump,
        expectedCount,
        extensions: extensions.toSorted().join(", "),
        user: target.server.user,
        encoding,
        locale: locale && `${locale} of ${localeProvider}`,
    });
}

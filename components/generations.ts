/** What the settings come to, before any resource: which copies are asked for, and why. */
import { generationId, inProduction } from "../contract";
import type { Settings } from "../settings";
import { databasesOf } from "../settings/database";
import { identityOf } from "../settings/store";
import { reasonsOfHooks } from "./hooks";
import { reasonsOfIdentity } from "./identity";
import { reasonsOfMail } from "./mail-configuration";
import { reasonsOfMasking } from "./masking";
import { serverOf } from "./server-access";

/** Ids of the copies that a replica is made of. */
export interface Generations {
    database: string;
    media: string;
}

/** The copies that the settings ask for: whatever shapes the data is in their ids, and nothing else. */
export function generationsOf(settings: Settings): Generations {
    const { source, database, media } = settings;
    const { name, owner, backup, refresh } = database;
    const store = identityOf(source.database);
    return {
        database: generationId({
            store,
            name,
            owner,
            backup,
            refresh,
            ...namesInProduction(database),
            ...serverDump(database),
            ...furtherDatabases(database),
            ...textOf(database),
            ...broughtServer(database),
            ...reasonsOfHooks("prepare-database", settings),
            ...reasonsOfMasking(settings),
            ...reasonsOfIdentity(settings),
            ...reasonsOfMail(settings),
        }),
        media: generationId({
            store: identityOf(source.media),
            refresh: refreshOfMedia(media),
            ...shapeOfMedia(media),
        }),
    };
}

/**
 * What shapes the database's copy besides its backup, and besides the names that it has here: another stack with the same
 * rules can clone it.
 */
export function rulesOf({ database }: Settings): string {
    const { dump, expectedCount, extensions, image } = database;
    return generationId({
        production: JSON.stringify(
            databasesOf(database)
                .map(inProduction)
                .map(({ name, owner }) => [name, owner]),
        ),
        dump,
        expectedCount,
        extensions: extensions.toSorted().join(", "),
        // What is this superuser's in a dump becomes the owner's.
        user: serverOf(database).user,
        // The client tools, of which each major version reads an archive in its own way.
        tools: /:(\d+)[^/]*$/.exec(image)?.[1] ?? image,
        ...textOf(database),
    });
}

/** The copies that the settings ask for and that are not live. */
export function awaited(settings: Settings, live: Generations | undefined): (keyof Generations)[] {
    const wanted = generationsOf(settings);
    return (["database", "media"] as const).filter((holds) => live?.[holds] !== wanted[holds]);
}

/** What the databases are called in production and whose they are there, where that is not the same. */
function namesInProduction(database: Settings["database"]): { production?: string } {
    const others = databasesOf(database).flatMap(({ name, production }) =>
        production === undefined ? [] : `${name} is ${production.name} of ${production.owner}`,
    );
    return others.length === 0 ? {} : { production: others.join(", ") };
}

/** The kind of dump, but not the default one: ids from before there was a choice are to stay. */
function serverDump({ dump }: Settings["database"]): { dump?: "server" } {
    return dump === "server" ? { dump } : {};
}

/** The databases beside the application's, if there are any. */
function furtherDatabases({ others }: Settings["database"]): { others?: string } {
    return others.length === 0 ? {} : { others: others.map(({ name, owner }) => `${name} of ${owner}`).join(", ") };
}

/** How text is stored and sorted, where that is not left to the default. */
function textOf({ encoding, locale, localeProvider }: Settings["database"]): { encoding?: string; locale?: string } {
    return {
        ...(encoding !== "UTF8" && { encoding }),
        ...(locale !== undefined && { locale: localeProvider === "libc" ? locale : `${locale} of ${localeProvider}` }),
    };
}

/** The server that is brought, if there is one: a copy on another server is another copy. */
function broughtServer({ server }: Settings["database"]): { server?: string } {
    return server === undefined ? {} : { server: `${server.host}:${server.port}` };
}

/** What shapes the files besides where they come from, as far as it is not the default. */
function shapeOfMedia(media: Settings["media"]): Record<string, string> {
    const sentinel: Record<string, string> = media.sentinel === undefined ? {} : { sentinel: media.sentinel };
    if (media.mode !== "copy") {
        return { mode: media.mode, ...sentinel };
    }
    const { sharing, links, owners, exclude } = media;
    return {
        ...(sharing !== "link" && { sharing }),
        ...(links !== "refuse" && { links }),
        ...(owners !== "agent" && { owners }),
        ...(exclude.length > 0 && { exclude: exclude.join(", ") }),
        ...sentinel,
    };
}

/** The text that asks for another copy, where there are copies. */
function refreshOfMedia(media: Settings["media"]): string | undefined {
    return media.mode === "copy" ? media.refresh : undefined;
}

/** The readable parts of these ids, as a diff shows them. */
export function reasonsOf(settings: Settings, generations: Generations) {
    const { database, media } = settings;
    return {
        database: {
            "database-generation": generations.database,
            backup: database.backup,
            "database-refresh": database.refresh,
            ...namesInProduction(database),
            ...serverDump(database),
            ...furtherDatabases(database),
            ...textOf(database),
            ...broughtServer(database),
            ...reasonsOfMasking(settings),
            ...reasonsOfIdentity(settings),
            ...reasonsOfMail(settings),
        },
        media: {
            "media-generation": generations.media,
            ...(media.mode === "copy" && { "media-refresh": media.refresh }),
            ...shapeOfMedia(media),
        },
    };
}

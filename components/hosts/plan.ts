/** What the settings of a replica on hosts come to for the agents on both sides, secrets apart. */
import { type MediaPlan, type Plan, planVersion } from "../../contract";
import { type MysqlSource, namesInProduction, type SourcePlan } from "../../contract/hosts";
import type { MysqlDatabase, MysqlPlan, ReplicaPlan } from "../../contract/mysql";
import { databasesOf } from "../../settings/database";
import type { HostSettings } from "../../settings/hosts";
import type { FolderSettings, OriginSettings } from "../../settings/hosts/folders";
import { bytes } from "../../settings/values";
import { hooksPlanOf } from "../hooks";
import { identityPlanOf } from "../identity";
import { maskingKey, maskingPlanOf } from "../masking";
import { generationsOf, rulesOf } from "./generations";

/** Files with secrets, below the folder of a run. */
const files = {
    server: "secrets/server",
    login: "secrets/login",
    hooks: "secrets/hooks",
    masking: "secrets/masking",
    identity: "secrets/identity",
} as const;

/** What the agent on the target is told. */
export function targetPlan(settings: HostSettings, stack: string): ReplicaPlan {
    const { target, parity } = settings;
    const generations = generationsOf(settings);
    const hooks = hooksPlanOf(settings, files.hooks);
    const masking = maskingPlanOf(settings, files.masking);
    const identity = identityPlanOf(settings, files.identity);
    return {
        version: planVersion,
        stack,
        ...(settings.database.engine === "mysql"
            ? mysqlOf(settings, generations.database)
            : postgresOf(settings, generations.database)),
        ...(hooks !== undefined && { hooks }),
        ...(masking !== undefined && { masking }),
        ...(identity !== undefined && { identity }),
        media: mediaOf(settings, generations.media),
        ...(settings.folders.length > 0 && {
            folders: settings.folders.map((folder) => ({
                name: folder.name,
                media: copyOf(folder.from, folder.to, folder, generations.folders[folder.name] ?? ""),
            })),
        }),
        imageTag: "",
        allowTagMismatch: parity?.allowMismatch !== undefined,
        keepFailed: settings.keepFailed,
        ...(target.page !== undefined && { smoke: { url: target.page } }),
    };
}

/** What both engines are told of the database. */
function databaseOf(settings: HostSettings, generation: string) {
    const { database } = settings;
    return {
        generation,
        backup: database.backup,
        maximumAge: database.maximumAge,
        keepGenerations: database.keepGenerations,
        rules: rulesOf(settings),
        ...(database.capacity !== undefined && { capacity: bytes(database.capacity) }),
        // Arrives on standard input.
        backups: "incoming",
    };
}

function postgresOf(settings: HostSettings, generation: string): Pick<Plan, "source" | "database"> {
    const { database, source, target } = settings;
    const { host, port, user, password } = target.server;
    return {
        source: { ...(source.systemIdentifier !== undefined && { systemIdentifier: source.systemIdentifier }) },
        database: {
            ...databaseOf(settings, generation),
            databases: databasesOf(database),
            dump: database.dump,
            ...(database.expectedCount !== undefined && { expectedCount: database.expectedCount }),
            keepBase: database.keepBase,
            amcheck: database.amcheck,
            extensions: database.extensions,
            encoding: database.encoding,
            ...(database.locale !== undefined && {
                locale: { name: database.locale, provider: database.localeProvider },
            }),
            server: { host, port, user, ...(password !== undefined && { passwordFile: files.server }) },
            loginPasswordFile: files.login,
            login: target.login.user,
        },
    };
}

function mysqlOf(settings: HostSettings, generation: string): Pick<MysqlPlan, "source" | "database"> {
    const { database, source, target } = settings;
    const [first, ...others] = databasesOf(database).map(
        ({ name, production }): MysqlDatabase => ({
            name,
            ...(production !== undefined && { production: production.name }),
        }),
    ) as [MysqlDatabase, ...MysqlDatabase[]];
    return {
        source: { ...(source.serverId !== undefined && { serverId: source.serverId }) },
        database: {
            engine: "mysql",
            ...databaseOf(settings, generation),
            databases: [first, ...others],
            server: mysqlServerOf(target.server),
            login: { user: target.login.user, passwordFile: files.login },
        },
    };
}

/** A server of MySQL or MariaDB, by its socket or its address. */
function mysqlServerOf({ host, port, user, password }: HostSettings["target"]["server"]): MysqlSource["server"] {
    const account = { user, ...(password !== undefined && { passwordFile: files.server }) };
    return host.startsWith("/") ? { socket: host, ...account } : { host, port, ...account };
}

function mediaOf({ source, target, media, database }: HostSettings, generation: string): Plan["media"] {
    if (media === undefined) {
        return { generation, none: true };
    }
    if (media.mode === "share-read-only") {
        const { minimumFiles, sentinel } = media;
        const from = typeof source.media === "string" ? source.media : "";
        return { generation, source: from, minimumFiles, ...(sentinel !== undefined && { sentinel }), shared: true };
    }
    const { references } = media;
    return {
        ...copyOf(source.media ?? "", target.media ?? "", media, generation),
        ...(references !== undefined && {
            references: { ...references, database: references.database ?? database.name },
        }),
    };
}

/** How a folder is copied. */
function copyOf(
    source: OriginSettings,
    volume: string,
    copied: Omit<FolderSettings, "name" | "from" | "to">,
    generation: string,
): MediaPlan {
    const { minimumFiles, sentinel, maximumDeletions, sharing, links, owners, exclude, verify } = copied;
    const { keepGenerations, group, user, permissions } = copied;
    return {
        ...{ generation, source, volume, linked: true, minimumFiles },
        ...{ maximumDeletions, sharing, links, owners, exclude, verify, keepGenerations, group },
        ...(sentinel !== undefined && { sentinel }),
        ...(user !== undefined && { user }),
        ...(permissions !== undefined && {
            modes: { files: Number.parseInt(permissions.files, 8), folders: Number.parseInt(permissions.folders, 8) },
        }),
    };
}

/** Files with the secrets that the way to the target's server takes. */
export const serverFiles: readonly string[] = [files.server, files.login];

/** What it is told in secret. */
export function targetSecrets(settings: HostSettings, key: string): Record<string, string> {
    const { target, masking, hooks, secrets } = settings;
    const ofHooks = Object.entries(hooks.secrets).map(([name, { secret, key }]) => [
        `${files.hooks}/${name}`,
        secrets[secret]?.[key] ?? "",
    ]);
    const all = Object.entries(secrets).flatMap(([secret, keys]) =>
        Object.entries(keys).map(([name, text]) => [`${files.identity}/${secret}/${name}`, text]),
    );
    return {
        [files.login]: target.login.password,
        ...(target.server.password !== undefined && { [files.server]: target.server.password }),
        ...(masking !== undefined && { [`${files.masking}/key`]: maskingKey(key) }),
        ...Object.fromEntries(ofHooks),
        ...(settings.identity !== undefined && Object.fromEntries(all)),
    };
}

/** What the agent on the source is told. */
export function sourcePlan({ database, source }: HostSettings): SourcePlan {
    const { server, command, files: dumps, excludeTableData, replica } = source.database;
    const { host, port, user, password } = server;
    const both = {
        databases: namesInProduction(databasesOf(database)),
        backup: database.backup,
        maximumAge: database.maximumAge,
        ...(command !== undefined && { command }),
        ...(dumps !== undefined && { files: dumps }),
        replica,
    };
    if (database.engine === "mysql") {
        return { engine: "mysql", ...both, server: mysqlServerOf(server) };
    }
    return {
        engine: "postgres",
        ...both,
        dump: database.dump,
        server: { host, port, user, ...(password !== undefined && { passwordFile: files.server }) },
        excludeTableData,
    };
}

/** What it is told in secret. */
export function sourceSecrets({ source }: HostSettings): Record<string, string> {
    const { password } = source.database.server;
    return password === undefined ? {} : { [files.server]: password };
}

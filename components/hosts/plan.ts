/** What the settings of a replica on hosts come to for the agents on both sides, secrets apart. */
import { type MediaPlan, type Plan, planVersion } from "../../contract";
import { namesInProduction, type SourcePlan } from "../../contract/hosts";
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
export function targetPlan(settings: HostSettings, stack: string): Plan {
    const { database, source, target, parity } = settings;
    const { host, port, user, password } = target.server;
    const generations = generationsOf(settings);
    const hooks = hooksPlanOf(settings, files.hooks);
    const masking = maskingPlanOf(settings, files.masking);
    const identity = identityPlanOf(settings, files.identity);
    return {
        version: planVersion,
        stack,
        source: { ...(source.systemIdentifier !== undefined && { systemIdentifier: source.systemIdentifier }) },
        database: {
            generation: generations.database,
            databases: databasesOf(database),
            dump: database.dump,
            ...(database.expectedCount !== undefined && { expectedCount: database.expectedCount }),
            backup: database.backup,
            maximumAge: database.maximumAge,
            keepGenerations: database.keepGenerations,
            rules: rulesOf(settings),
            keepBase: database.keepBase,
            amcheck: database.amcheck,
            extensions: database.extensions,
            encoding: database.encoding,
            ...(database.locale !== undefined && {
                locale: { name: database.locale, provider: database.localeProvider },
            }),
            ...(database.capacity !== undefined && { capacity: bytes(database.capacity) }),
            server: { host, port, user, ...(password !== undefined && { passwordFile: files.server }) },
            loginPasswordFile: files.login,
            login: target.login.user,
            // Arrives on standard input.
            backups: "incoming",
        },
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
    return {
        databases: namesInProduction(databasesOf(database)),
        dump: database.dump,
        backup: database.backup,
        maximumAge: database.maximumAge,
        server: { host, port, user, ...(password !== undefined && { passwordFile: files.server }) },
        excludeTableData,
        ...(command !== undefined && { command }),
        ...(dumps !== undefined && { files: dumps }),
        replica,
    };
}

/** What it is told in secret. */
export function sourceSecrets({ source }: HostSettings): Record<string, string> {
    const { password } = source.database.server;
    return password === undefined ? {} : { [files.server]: password };
}

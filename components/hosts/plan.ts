/** What the settings of a replica on hosts come to for the agents on both sides, secrets apart. */
import { type Plan, planVersion } from "../../contract";
import { namesInProduction, type SourcePlan } from "../../contract/hosts";
import { databasesOf } from "../../settings/database";
import type { HostSettings } from "../../settings/hosts";
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
    const { minimumFiles, sentinel } = media;
    const common = {
        generation,
        source: source.media ?? "",
        minimumFiles,
        ...(sentinel !== undefined && { sentinel }),
    };
    if (media.mode === "share-read-only") {
        return { ...common, shared: true };
    }
    const { maximumDeletions, sharing, links, owners, exclude, verify, references, keepGenerations, group } = media;
    return {
        ...common,
        ...{ maximumDeletions, sharing, links, owners, exclude, verify, keepGenerations, group },
        volume: target.media ?? "",
        linked: true,
        ...(references !== undefined && {
            references: { ...references, database: references.database ?? database.name },
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

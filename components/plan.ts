/** What the settings come to for the agent. */
import { type Plan, planVersion } from "../contract";
import type { Settings } from "../settings";
import { databasesOf } from "../settings/database";
import { bytes } from "../settings/values";
import { innerUrl } from "./address";
import { folders } from "./agent";
import { originOf } from "./bucket";
import { generationsOf, rulesOf } from "./generations";
import { hooksPlanOf } from "./hooks";
import { identityPlanOf } from "./identity";
import { mailPlanOf } from "./mail-configuration";
import { maskingPlanOf } from "./masking";
import { mediaGroup } from "./pod";
import { serverOf } from "./server-access";

/** What the agent is told. */
export function planOf(settings: Settings, stack: string): Plan {
    const { database, source, target, application } = settings;
    const generations = generationsOf(settings);
    const hooks = hooksPlanOf(settings);
    const masking = maskingPlanOf(settings);
    const identity = identityPlanOf(settings);
    const { host, port, user } = serverOf(database);
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
            ...(database.volume !== undefined && { capacity: bytes(database.volume) }),
            server: {
                ...{ host, port, user, passwordFile: `${folders.admin}/password` },
                ...(database.server === undefined && { formerPasswordsFile: `${folders.admin}/former` }),
            },
            loginPasswordFile: `${folders.login}/password`,
            backups: originOf(source.database, folders.backups),
        },
        ...(hooks !== undefined && { hooks }),
        ...(masking !== undefined && { masking }),
        ...(identity !== undefined && { identity }),
        mail: mailPlanOf(settings),
        media: mediaOf(settings, generations.media),
        imageTag: settings.imageTag,
        allowTagMismatch: settings.allowTagMismatch !== undefined,
        keepFailed: settings.keepFailed,
        ...(application !== undefined && { smoke: { url: `${innerUrl(target.namespace)}${application.health}` } }),
    };
}

/** What the agent is told of the media. */
function mediaOf({ source, media, database }: Settings, generation: string): Plan["media"] {
    const { minimumFiles, sentinel } = media;
    const common = { generation, minimumFiles, ...(sentinel !== undefined && { sentinel }) };
    if (media.mode === "share-read-only") {
        return { ...common, shared: true, source: folders.mediaSource };
    }
    return {
        ...common,
        source: originOf(source.media, folders.mediaSource),
        volume: folders.media,
        maximumDeletions: media.maximumDeletions,
        sharing: media.sharing,
        links: media.links,
        owners: media.owners,
        exclude: media.exclude,
        verify: media.verify,
        ...(media.references !== undefined && {
            references: { ...media.references, database: media.references.database ?? database.name },
        }),
        keepGenerations: media.keepGenerations,
        group: mediaGroup,
    };
}

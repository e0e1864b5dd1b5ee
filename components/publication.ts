/** What the settings of production's side come to for the agent. */
import { type MediaPublication, type Publication, publicationVersion } from "../contract/publication";
import type { MediaSettings, PublisherSettings } from "../settings/publisher";
import { remoteOf } from "./bucket";
import { mediaGroup } from "./pod";

/** Folders that the publisher has mounted; the plan names files and folders below them. */
export const publisherFolders = {
    store: "/store",
    media: "/media/source",
    mediaStore: "/media/store",
    password: "/secrets/password",
    /** Where the kubelet puts what a service account needs. */
    account: "/var/run/secrets/kubernetes.io/serviceaccount",
} as const;

/** File with the password of the role that reads production's databases. */
export const passwordFile = "password";

/** What the agent is told. */
export function publicationOf({ source, database, store, offsite, media }: PublisherSettings): Publication {
    const { engine, host, port, user, dump, names, format, jobs, excludeTableData, migrations } = database;
    return {
        version: publicationVersion,
        engine,
        server: { host, port, user, passwordFile: `${publisherFolders.password}/${passwordFile}` },
        ...{ dump, databases: names, format, jobs, excludeTableData, migrations },
        store: publisherFolders.store,
        keep: store.keep,
        ...(offsite !== undefined && { offsite: remoteOf(offsite, "offsite") }),
        ...(media !== undefined && { media: mediaOf(media) }),
        cluster: {
            account: publisherFolders.account,
            namespace: source.namespace,
            ...(source.workload !== undefined && { workload: source.workload }),
        },
    };
}

function mediaOf({
    exclude,
    links,
    minimumFiles,
    sentinel,
    maximumDeletions,
    offsite,
}: MediaSettings): MediaPublication {
    return {
        source: publisherFolders.media,
        store: publisherFolders.mediaStore,
        group: mediaGroup,
        ...{ exclude, links, minimumFiles, maximumDeletions },
        ...(sentinel !== undefined && { sentinel }),
        ...(offsite !== undefined && { offsite: remoteOf(offsite, "offsite") }),
    };
}

/** What the settings of production's side come to for the agent. */
import { type Publication, publicationVersion } from "../contract/publication";
import type { PublisherSettings } from "../settings/publisher";
import { remoteOf } from "./bucket";

/** Folders that the publisher has mounted; the plan names files and folders below them. */
export const publisherFolders = {
    store: "/store",
    password: "/secrets/password",
    /** Where the kubelet puts what a service account needs. */
    account: "/var/run/secrets/kubernetes.io/serviceaccount",
} as const;

/** File with the password of the role that reads production's databases. */
export const passwordFile = "password";

/** What the agent is told. */
export function publicationOf({ source, database, store, offsite }: PublisherSettings): Publication {
    const { host, port, user, dump, names, format, jobs, excludeTableData, migrations } = database;
    return {
        version: publicationVersion,
        server: { host, port, user, passwordFile: `${publisherFolders.password}/${passwordFile}` },
        ...{ dump, databases: names, format, jobs, excludeTableData, migrations },
        store: publisherFolders.store,
        keep: store.keep,
        ...(offsite !== undefined && { offsite: remoteOf(offsite, "offsite") }),
        cluster: {
            account: publisherFolders.account,
            namespace: source.namespace,
            ...(source.workload !== undefined && { workload: source.workload }),
        },
    };
}

/** What a stack's program gets to see of the clusters before anything is registered. Reads only. */
import type {
    AppsV1Api,
    AuthenticationV1Api,
    BatchV1Api,
    V1Deployment,
    V1PersistentVolumeClaim,
    V1PodTemplateSpec,
    V1StatefulSet,
} from "@kubernetes/client-node";
import { type ClusterAccess, firstLine, orAbsent, orHidden, reading } from "./cluster";
import { applicationName } from "./components/address";
import { configMapName } from "./components/agent";
import type { Credentials } from "./components/credentials";
import type { Generations } from "./components/generations";
import { reportConfigMap } from "./components/report";
import { databaseSecret } from "./components/server-access";
import { type ContentsEntry, contentsEntry, contentsFile } from "./contract/contents";
import { editionsFile, editionsIn, type MediaEdition } from "./contract/editions";
import type { Live } from "./contract/event";
import { type HistoryEntry, historyFile, historyIn } from "./contract/history";
import { type CatalogueEntry, catalogueConfigMap, catalogueEntry, catalogueFile, entriesIn } from "./contract/manifest";
import { type Held, heldIn, leaseName } from "./preflight/lease";
import { type Place, placesOf } from "./preflight/places";
import { readLive } from "./record";
import type { Settings } from "./settings";
import { bytes } from "./settings/values";
import { type Belongings, lookAtBelongings } from "./sighting/belongings";

/** A claim of the target namespace. */
export interface Claim {
    /** What it has, for example `20Gi`. */
    size: string;
    storageClass?: string;
    accessModes: string[];
    /** When it was made. */
    since: string;
}

/** What the clusters say about the target and about production. */
export interface Sighting {
    /** The target namespace, if there is one. */
    target?: { uid: string; labels: Record<string, string>; annotations: Record<string, string> };
    /** Why production's cluster could not be read; absent if it was, or is not to be. */
    unseen?: string;
    /** Unique id of production's namespace, if there is one. */
    sourceUid?: string;
    /** Image that production's workload runs; absent if there is no such workload. */
    sourceImage?: string;
    /** What production's side has published of its backups; absent if it publishes none, or not to this user. */
    catalogue?: CatalogueEntry[];
    /** What the newest of these hold; absent if production's side does not tell. */
    contents?: ContentsEntry[];
    /** What its side has done to the store of media, the newest first; absent or empty if it does not tell. */
    editions?: MediaEdition[];
    /** What of the catalogue or the contents is not as this version writes it; neither is used then. */
    torn?: string;
    /** What is known to be production's, and must not be the replica's. */
    belongings?: Belongings;
    /** What the application's pods run and mount, if there is an application. */
    application?: { image: string; generations: Generations | undefined };
    /** Generations that the last switch made live, if there was one. */
    live?: Generations;
    /** What that switch has told of them, as far as it can still be read. */
    report?: Live;
    /** What it and the copies before it have come to, as the last update has written it down. */
    history?: HistoryEntry[];
    /** The target namespace's claims by their names, whoever made them. */
    claims?: Record<string, Claim>;
    /** Where these claims lead; absent if this user may not see volumes. */
    places?: Record<string, Place>;
    /** The same of production's claims. */
    sourcePlaces?: Record<string, Place>;
    /** Who is changing the replica, or was when last heard of. */
    lease?: Held;
    /** Whether the replica stands: between an update, even an unfinished one, and a wipe. */
    stands?: boolean;
    /** Whom the target's cluster takes the kubeconfig's user for; only asked for a developer's replica. */
    user?: { name: string; groups: string[] };
    /** What the Secret of the replica's own server has, if it is there. */
    credentials?: Credentials;
}

/**
 * Reads production's namespace and workload, and the target's namespace, last switch, claims and kept Secret.
 *
 * @throws Error when the target's cluster cannot be read
 */
export async function look(settings: Settings): Promise<Sighting> {
    const [target, production, belongings] = await Promise.all([
        lookAtTarget(settings),
        lookAtProduction(settings),
        lookAtBelongings(settings),
    ]);
    const report = target.live === undefined ? undefined : await readLive(settings, target.live);
    return { ...target, ...(report !== undefined && { report }), ...production, belongings };
}

async function lookAtTarget({ target, database, application }: Settings): Promise<Sighting> {
    const { namespace } = target;
    const read = async ({ core, batch, apps, authentication, coordination }: ClusterAccess) =>
        Promise.all([
            orAbsent(core.readNamespace({ name: namespace })),
            application === undefined
                ? undefined
                : workload(apps, { kind: application.workload, name: applicationName, namespace }),
            lastSwitch(batch, namespace),
            orAbsent(core.listNamespacedPersistentVolumeClaim({ namespace })),
            // Every update begins with it, and no wipe keeps it.
            orAbsent(core.readNamespacedConfigMap({ name: configMapName, namespace })),
            target.developer === undefined ? undefined : whoAmI(authentication),
            // Beside a server that is brought, a Secret of that name is somebody else's.
            database.server === undefined
                ? orAbsent(core.readNamespacedSecret({ name: databaseSecret, namespace }))
                : undefined,
            orHidden(orAbsent(core.listPersistentVolume())),
            orHidden(orAbsent(coordination.readNamespacedLease({ name: leaseName, namespace }))),
            orAbsent(core.readNamespacedConfigMap({ name: reportConfigMap, namespace })),
        ]);
    const [found, running, live, claims, program, user, secret, volumes, lease, reported] = await reading(
        target.context,
        read,
    );
    const credentials = secret?.data?.key === undefined ? undefined : credentialsIn(secret.data);
    const held = lease && heldIn(lease);
    return {
        ...(found && {
            target: {
                uid: found.metadata?.uid ?? "",
                labels: found.metadata?.labels ?? {},
                annotations: found.metadata?.annotations ?? {},
            },
        }),
        ...(running !== undefined && {
            application: {
                image: imageIn(running) ?? "",
                generations: generationsIn(running.spec?.template),
            },
        }),
        ...(live !== undefined && { live }),
        ...(reported && { history: historyIn(reported.data?.[historyFile]) }),
        claims: Object.fromEntries((claims?.items ?? []).map((one) => [one.metadata?.name, claimOf(one)])),
        ...(volumes !== undefined && { places: placesOf(volumes.items, namespace) }),
        ...(held !== undefined && { lease: held }),
        stands: program !== undefined,
        ...(user !== undefined && { user }),
        ...(credentials !== undefined && { credentials }),
    };
}

/** The passwords of a Secret that an update has made. */
function credentialsIn(data: Record<string, string>): Credentials {
    const text = (name: keyof Credentials & string) => Buffer.from(data[name] ?? "", "base64").toString();
    return { key: text("key"), password: text("password"), former: text("former") };
}

function claimOf({ metadata, spec, status }: V1PersistentVolumeClaim): Claim {
    const asked = spec?.resources?.requests?.storage ?? "0";
    const given = status?.capacity?.storage ?? asked;
    return {
        // What was asked for may be rounded up, and what it is to grow to may not have been given yet.
        size: bytes(given) < bytes(asked) ? given : asked,
        ...(spec?.storageClassName !== undefined && { storageClass: spec.storageClassName }),
        accessModes: spec?.accessModes ?? [],
        since: metadata?.creationTimestamp?.toISOString().replace(/\.\d+/, "") ?? "",
    };
}

/** Production's cluster may be another one, out of reach: how much that matters depends on what is asked for. */
async function lookAtProduction({ source }: Settings): Promise<Sighting> {
    const { context, namespace } = source;
    if (namespace === undefined) {
        return {};
    }
    const read = async ({ core, apps }: ClusterAccess) =>
        Promise.all([
            orAbsent(core.readNamespace({ name: namespace })),
            source.workload === undefined ? undefined : workload(apps, { ...source.workload, namespace }),
            orHidden(orAbsent(core.readNamespacedConfigMap({ name: catalogueConfigMap, namespace }))),
            orHidden(orAbsent(core.listPersistentVolume())),
        ]);
    try {
        const [found, running, configMap, volumes] = await reading(context, read);
        const image = imageIn(running, source.workload?.container);
        return {
            ...(found && { sourceUid: found.metadata?.uid ?? "" }),
            ...(image !== undefined && { sourceImage: image }),
            ...(volumes !== undefined && { sourcePlaces: placesOf(volumes.items, namespace) }),
            ...published(configMap?.data ?? {}),
        };
    } catch (error) {
        return { unseen: error instanceof Error ? error.message : String(error) };
    }
}

/** What production's side has published. */
function published(data: Record<string, string>): Pick<Sighting, "catalogue" | "contents" | "editions" | "torn"> {
    const { [catalogueFile]: catalogue, [contentsFile]: contents, [editionsFile]: media = "" } = data;
    const editions = editionsIn(media);
    try {
        return {
            editions,
            ...(catalogue !== undefined && { catalogue: entriesIn(catalogueFile, catalogue, catalogueEntry) }),
            ...(contents !== undefined && { contents: entriesIn(contentsFile, contents, contentsEntry) }),
        };
    } catch (error) {
        return { editions, torn: firstLine(error) };
    }
}

/** What the cluster says of whoever asks. */
async function whoAmI(authentication: AuthenticationV1Api): Promise<{ name: string; groups: string[] }> {
    const { status } = await authentication.createSelfSubjectReview({ body: {} });
    return { name: status?.userInfo?.username ?? "", groups: status?.userInfo?.groups ?? [] };
}

type Workload = V1Deployment | V1StatefulSet;

function workload(
    apps: AppsV1Api,
    { kind, ...where }: { kind: "Deployment" | "StatefulSet"; name: string; namespace: string },
): Promise<Workload | undefined> {
    const { name, namespace } = where;
    return orAbsent<Workload>(
        kind === "Deployment"
            ? apps.readNamespacedDeployment({ name, namespace })
            : apps.readNamespacedStatefulSet({ name, namespace }),
    );
}

/** Image of a workload's container, the first one if none is named. */
function imageIn(found: Workload | undefined, container?: string): string | undefined {
    const containers = found?.spec?.template.spec?.containers ?? [];
    return containers.find((one) => container === undefined || one.name === container)?.image;
}

/** The generations of the last switch, if it succeeded. */
async function lastSwitch(batch: BatchV1Api, namespace: string): Promise<Generations | undefined> {
    const labelSelector = "app.kubernetes.io/part-of=understudy,app.kubernetes.io/name=switch";
    const jobs = await orAbsent(batch.listNamespacedJob({ namespace, labelSelector }));
    return generationsIn(jobs?.items.find(({ status }) => status?.succeeded === 1)?.spec?.template);
}

/** The generations that pods are about. */
function generationsIn(template: V1PodTemplateSpec | undefined): Generations | undefined {
    const annotations = template?.metadata?.annotations;
    const database = annotations?.["understudy/database-generation"];
    const media = annotations?.["understudy/media-generation"];
    return database === undefined || media === undefined ? undefined : { database, media };
}

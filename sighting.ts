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
import { accessCluster, type ClusterAccess, within } from "./cluster";
import { applicationName } from "./components/address";
import { configMapName } from "./components/agent";
import type { Generations } from "./components/generations";
import { databaseSecret } from "./components/server-access";
import { type ContentsEntry, contentsEntry, contentsFile } from "./contract/contents";
import { editionsFile, editionsIn, type MediaEdition } from "./contract/editions";
import type { Live } from "./contract/event";
import { type CatalogueEntry, catalogueConfigMap, catalogueEntry, catalogueFile, entriesIn } from "./contract/manifest";
import { readLive } from "./record";
import type { Settings } from "./settings";
import { bytes } from "./settings/values";

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
    /** What of it is not as this version writes it; it is not used then. */
    torn?: string;
    /** What the application's pods run and mount, if there is an application. */
    application?: { image: string; generations: Generations | undefined };
    /** Generations that the last switch made live, if there was one. */
    live?: Generations;
    /** What that switch has told of them, as far as it can still be read. */
    report?: Live;
    /** The target namespace's claims by their names, whoever made them. */
    claims?: Record<string, Claim>;
    /** Whether the replica stands: between an update, even an unfinished one, and a wipe. */
    stands?: boolean;
    /** Whom the target's cluster takes the kubeconfig's user for; only asked for a developer's replica. */
    user?: { name: string; groups: string[] };
    /** Password of the superuser of the replica's own server, if its Secret is there. */
    password?: string;
}

/**
 * Reads production's namespace and workload, and the target's namespace, last switch, claims and kept Secret.
 *
 * @throws Error when the target's cluster cannot be read
 */
export async function look(settings: Settings): Promise<Sighting> {
    const [target, production] = await Promise.all([lookAtTarget(settings), lookAtProduction(settings)]);
    const report = target.live === undefined ? undefined : await readLive(settings, target.live);
    return { ...target, ...(report !== undefined && { report }), ...production };
}

async function lookAtTarget({ target, database, application }: Settings): Promise<Sighting> {
    const { namespace } = target;
    const read = async ({ core, batch, apps, authentication }: ClusterAccess) =>
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
        ]);
    const [found, running, live, claims, program, user, secret] = await reading(target.context, read);
    const password = secret?.data?.password;
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
        claims: Object.fromEntries((claims?.items ?? []).map((one) => [one.metadata?.name, claimOf(one)])),
        stands: program !== undefined,
        ...(user !== undefined && { user }),
        ...(password !== undefined && { password: Buffer.from(password, "base64").toString() }),
    };
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
        ]);
    try {
        const [found, running, configMap] = await reading(context, read);
        const image = imageIn(running, source.workload?.container);
        return {
            ...(found && { sourceUid: found.metadata?.uid ?? "" }),
            ...(image !== undefined && { sourceImage: image }),
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

/** What is read from a cluster, or a sentence without a full stop that says why it cannot be. */
async function reading<T>(context: string, read: (cluster: ClusterAccess) => Promise<T>): Promise<T> {
    try {
        const cluster = await accessCluster(context);
        return await within(10, read(cluster));
    } catch (error) {
        throw new Error(`cannot read the cluster of context "${context}": ${firstLine(error)}`);
    }
}

/** The first line of an error: what follows may hold headers and whole responses. */
function firstLine(error: unknown): string {
    const text = error instanceof Error ? error.message : String(error);
    return (text.split("\n")[0] ?? text).trim();
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

/** The object, or nothing when the server says that it is not there. */
function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
    return unless(404, reading);
}

/** The object, or nothing when this user may not see it. */
function orHidden<T>(reading: Promise<T>): Promise<T | undefined> {
    return unless(403, reading);
}

async function unless<T>(status: number, reading: Promise<T>): Promise<T | undefined> {
    try {
        return await reading;
    } catch (error) {
        if (typeof error === "object" && error !== null && "code" in error && error.code === status) {
            return undefined;
        }
        throw error;
    }
}

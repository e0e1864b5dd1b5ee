import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Command, Plan } from "../contract";
import type { IdentityPlan } from "../contract/identity";
import type { Settings } from "../settings";
import type { S3, Store } from "../settings/store";
import { agentPod } from "./agent-pod";
import { bucketAccess } from "./bucket";
import { digest } from "./digest";
import { labels, type Place } from "./labels";
import { agentUser, mediaGroup, ownersContainer, ownersPod, type Placement, restrictedPod } from "./pod";
import { replicaClaim, sourceClaim } from "./volumes";

/** Folders that a Job may have mounted; the plan names files and folders below them. */
export const folders = {
    backups: "/source/database",
    mediaSource: "/source/media",
    media: "/media",
    admin: "/secrets/admin",
    login: "/secrets/login",
    hooks: "/secrets/hooks",
    masking: "/secrets/masking",
    identity: "/secrets/identity",
} as const;

/** A folder that a Job has mounted, read-only unless it says otherwise. */
interface Mount {
    folder: keyof typeof folders;
    write?: true;
}

/** What each command gets to see, as far as it is there, and nothing more: only `prepare-media` and `retire` can write to media. */
const mounts: Record<Command, Mount[]> = {
    "prepare-database": [
        { folder: "backups" },
        { folder: "admin" },
        { folder: "login" },
        { folder: "hooks" },
        { folder: "masking" },
        { folder: "identity" },
    ],
    "prepare-media": [{ folder: "mediaSource" }, { folder: "media", write: true }],
    switch: [{ folder: "admin" }, { folder: "login" }, { folder: "media" }, { folder: "hooks" }],
    smoke: [{ folder: "admin" }, { folder: "hooks" }],
    retire: [{ folder: "admin" }, { folder: "media", write: true }],
    survey: [{ folder: "backups" }, { folder: "admin" }, { folder: "media" }],
    "mask-suggest": [{ folder: "admin" }],
    "count-rewrites": [{ folder: "admin" }],
};

/** Calls to file systems that a Job has under way at once, where it works on the files of a whole tree. */
const fileCalls: Partial<Record<Command, number>> = { "prepare-media": 256, retire: 256 };

/**
 * ConfigMap with the agent's program and its plan. The name is fixed and the content mutable: a new version of either
 * is one update in place and reruns nothing.
 */
export const configMapName = "understudy";

/** Arguments of an {@link Agent}. */
export interface AgentArgs extends Place {
    /** The agent's program, one JavaScript file. */
    program: string;
    /** What it is told. */
    plan: Plan;
}

/** The agent's program and plan on the target cluster. */
export class Agent extends pulumi.ComponentResource {
    constructor(name: string, args: AgentArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Agent", name, {}, options);
        new kubernetes.core.v1.ConfigMap(
            `${name}-program`,
            {
                metadata: { name: configMapName, namespace: args.namespace, labels: labels(args, "agent") },
                data: { "agent.cjs": args.program, "plan.json": JSON.stringify(args.plan, undefined, 2) },
            },
            // The program's text says nothing to the reader of a diff.
            { parent: this, hideDiffs: ['data["agent.cjs"]'] },
        );
        this.registerOutputs();
    }
}

/** Arguments of an {@link AgentJob}. */
export interface AgentJobArgs extends Place {
    /** What the agent does. */
    command: Command;
    /** Ids of the generations that the plan must be about: another id is another run. None where it does not matter. */
    generations: string[];
    /** Readable reasons for another run, shown by a diff: annotation names without prefix, and their values. */
    because: Record<string, string>;
    /** Image that carries the database's own client tools; the Node image if left out. */
    image?: string;
    /** Where production keeps its backups and its media. */
    source: Pick<Settings["source"], "database" | "media">;
    /** Whether the media are production's own, so that there is no volume for copies. */
    isShared: boolean;
    /** Whether the copies of the media keep production's owners. */
    keepsOwners: boolean;
    /** Volume with the values that its hooks are given; undefined if it has no hooks to run. */
    hooks?: object | undefined;
    /** Secret with the key of masked values; undefined if nothing is masked. */
    maskingSecret?: string | undefined;
    /** Volume with the values of Secrets that rows are given; undefined if there are none. */
    identity?: object | undefined;
    /** Rules in place of those of the plan, for a run that counts what they are about. */
    rewrites?: IdentityPlan | undefined;
    /** Secret with the password of the server's superuser, and which of its keys a run gets to see. */
    admin: { secretName: string; keys: string[] };
    /** Secret with the password of the generation's login role. */
    loginSecret: string;
    /** Seconds that the run may take in all. */
    timeout: number;
    /** Where pods that mount the media volume may run. */
    placement: Placement;
}

/**
 * One run of the agent. It runs again when a generation's id or one of the readable reasons changes, or when it
 * failed; never for anything else.
 */
export class AgentJob extends pulumi.ComponentResource {
    /** Id of the Job, which is known once the run has ended well. */
    readonly ended: pulumi.Output<string>;

    constructor(name: string, args: AgentJobArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:AgentJob", name, {}, options);
        const { metadata, spec } = jobOf(args);
        // Above the Job's own deadline, so that the reason for its end is the one that is reported.
        const patience = `${args.timeout + 120}s`;
        const job = new kubernetes.batch.v1.Job(
            name,
            {
                // A Job that failed is planned again by the next update instead of blocking it.
                metadata: { ...metadata, annotations: { "pulumi.com/replaceUnready": "true" } },
                spec,
            },
            // Two runs must never overlap.
            { parent: this, deleteBeforeReplace: true, customTimeouts: { create: patience, update: patience } },
        );
        this.ended = job.id;
        this.registerOutputs();
    }
}

/** A run of the agent as Kubernetes is told of it. */
export function jobOf(args: AgentJobArgs) {
    const { command, placement } = args;
    const template = {
        metadata: {
            labels: { ...labels(args, command), ...(usesMedia(args) && placement.labels) },
            annotations: annotations(args.because),
        },
        spec: podOf(args),
    };
    return {
        metadata: {
            // The same run has the same name: an update that follows a killed one waits for its Job instead of starting
            // another beside it.
            name: `${command}-${digest(template)}`,
            namespace: args.namespace,
            labels: labels(args, command),
        },
        spec: { backoffLimit: 0, activeDeadlineSeconds: args.timeout, template },
    };
}

function annotations(because: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries(because).map(([key, value]) => [`understudy/${key}`, value]));
}

/** What a run gets to see. The page is asked without any of it, unless hooks are run then. */
function mountsOf({ command, isShared, hooks, maskingSecret, identity }: AgentJobArgs): Mount[] {
    const absent: (Mount["folder"] | false)[] = [
        isShared && "media",
        hooks === undefined && "hooks",
        maskingSecret === undefined && "masking",
        identity === undefined && "identity",
    ];
    const seen = mounts[command].filter(({ folder }) => !absent.includes(folder));
    return command === "smoke" && hooks === undefined ? [] : seen;
}

function usesMedia(args: AgentJobArgs): boolean {
    return mountsOf(args).some(({ folder }) => folder === "media");
}

/** Who a run is, and what it may do: as little as may be, unless it makes or removes copies with production's owners. */
function securityOf({ keepsOwners }: AgentJobArgs, seen: Mount[]) {
    return keepsOwners && seen.some(({ folder, write }) => folder === "media" && write)
        ? { securityContext: ownersPod, containerSecurity: ownersContainer }
        : { securityContext: restrictedPod(agentUser, mediaGroup) };
}

/** The bucket in the place of a folder, where production's store is one. */
function bucketOf({ folder }: Mount, { database, media }: AgentJobArgs["source"]): S3 | undefined {
    const stores: Partial<Record<Mount["folder"], Store>> = { backups: database, mediaSource: media };
    return stores[folder]?.s3;
}

function podOf(args: AgentJobArgs) {
    const { command, generations, image, pullSecret, source, admin, loginSecret, placement } = args;
    const { hooks = {}, identity = {}, maskingSecret, rewrites } = args;
    const seen = mountsOf(args);
    const mounted = seen.filter((mount) => bucketOf(mount, source) === undefined);
    const [bucket] = seen.map((mount) => bucketOf(mount, source)).filter((found) => found !== undefined);
    const volumes = {
        backups: { persistentVolumeClaim: { claimName: sourceClaim("database", source.database), readOnly: true } },
        mediaSource: { persistentVolumeClaim: { claimName: sourceClaim("media", source.media), readOnly: true } },
        media: { persistentVolumeClaim: { claimName: replicaClaim("media") } },
        admin: { secret: { secretName: admin.secretName, items: admin.keys.map((key) => ({ key, path: key })) } },
        login: { secret: { secretName: loginSecret } },
        hooks,
        masking: { secret: { secretName: maskingSecret } },
        identity,
    };
    return {
        ...agentPod({
            ...{ command, image, pullSecret, configMap: configMapName, bucket: bucket && bucketAccess(bucket) },
            ...(fileCalls[command] !== undefined && { fileCalls: fileCalls[command] }),
            options: [
                ...(generations.length === 0 ? [] : [`--generation=${generations.join(",")}`]),
                ...(rewrites === undefined ? [] : [`--rewrites=${JSON.stringify(rewrites)}`]),
            ],
            folders: mounted.map(({ folder, write }) => ({
                name: folder.toLowerCase(),
                mountPath: folders[folder],
                readOnly: write !== true,
                volume: volumes[folder],
            })),
            // No fsGroup: it would change owners, and on production's volumes nothing may be changed.
            ...securityOf(args, seen),
        }),
        ...(usesMedia(args) && placement.affinity !== undefined && { affinity: placement.affinity }),
    };
}

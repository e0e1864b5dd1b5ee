/** What every pod of a replica has in common. The namespace's restricted security level leaves no choice. */
import type { Settings } from "../settings";
import { labelValue, type Place } from "./labels";

/** Group that owns the replica's media. The agent writes as it; the application gets it as a supplemental group. */
export const mediaGroup = 10001;

/** User id of the agent in its Jobs. It exists in no image, and owns nothing but what the agent makes. */
export const agentUser = 10001;

/** Every pod goes without the cluster's credentials and addresses, and pulls its images with the place's Secret. */
export function everyPod({ pullSecret }: Pick<Place, "pullSecret">) {
    return {
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        ...(pullSecret !== undefined && { imagePullSecrets: [{ name: pullSecret }] }),
    };
}

/** Pod-level security that the `restricted` level asks for. */
export function restrictedPod(user: number, group: number, supplementalGroups: number[] = []) {
    return {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: group,
        supplementalGroups,
        seccompProfile: { type: "RuntimeDefault" },
    };
}

/** Container-level security that the `restricted` level asks for, with a root file system that nobody writes to. */
export const restrictedContainer = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
};

/**
 * Capabilities with which user 0 keeps production's owners: to give files away, to get on with what then is another's, and
 * to set a folder's set-group-id bit for a group that is not his own. The `baseline` level lets containers have them.
 */
export const ownersCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"];

/** Pod-level security of what keeps production's owners, as far as the `baseline` level allows it. */
export const ownersPod = {
    runAsUser: 0,
    runAsGroup: mediaGroup,
    supplementalGroups: [],
    seccompProfile: { type: "RuntimeDefault" },
};

/** Container-level security of the same. */
export const ownersContainer = {
    ...restrictedContainer,
    capabilities: { ...restrictedContainer.capabilities, add: ownersCapabilities },
};

/** What the scheduler sets aside for a container, and the memory that it may use at most. */
export function resources(memoryRequest: string, memoryLimit: string, cpuRequest = "50m") {
    return { requests: { cpu: cpuRequest, memory: memoryRequest }, limits: { memory: memoryLimit } };
}

/**
 * Annotation for what its users wait for by themselves. A claim that was kept is bound already and would be awaited
 * until the timeout; a Service is awaited ten seconds longer than it takes; an Ingress until its controller reports an
 * address, which not every controller does.
 */
export const skipAwait = { "pulumi.com/skipAwait": "true" };

/** Where the pods that mount the media volume may run. */
export interface Placement {
    /** Labels of these pods, which the affinity goes by. */
    labels: Record<string, string>;
    /** Absent where the volume can be mounted everywhere. */
    affinity?: object;
}

/**
 * Placement of everything that mounts the volume for copies of the media. One that only a single node can mount draws
 * all its pods to that node; the first of them goes where the scheduler likes.
 */
export function mediaPlacement(stack: string, media: Settings["media"]): Placement {
    const mounting = { "understudy/media-of": labelValue(stack) };
    if (media.mode !== "copy" || media.accessMode === "ReadWriteMany") {
        return { labels: mounting };
    }
    const together = { labelSelector: { matchLabels: mounting }, topologyKey: "kubernetes.io/hostname" };
    return {
        labels: mounting,
        affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [together] } },
    };
}

/** The pod that the agent runs in, for a replica and for production's side alike. */
import type { bucketAccess } from "./bucket";
import type { Place } from "./labels";
import { everyPod, resources, restrictedContainer } from "./pod";

/** Official Node image: the agent's runtime, and where the database's image gets its Node binary from. */
export const nodeImage = "node:20-bookworm-slim";

/** A folder that the agent sees. */
export interface AgentFolder {
    /** Name of the volume. */
    name: string;
    mountPath: string;
    readOnly: boolean;
    /** Where it is, as a pod's volume. */
    volume: object;
}

/** What there is to say of a pod of the agent. */
export interface AgentPodArgs extends Pick<Place, "pullSecret"> {
    command: string;
    /** Further arguments of the command. */
    options?: string[];
    /** Image that carries the database's own client tools; the Node image if left out. */
    image?: string | undefined;
    /** ConfigMap with the agent's program and its plan. */
    configMap: string;
    folders: AgentFolder[];
    /** Calls to file systems that may be under way at once; Node's own number if left out. */
    fileCalls?: number;
    /** The way to a bucket that is read in the place of a folder. */
    bucket?: ReturnType<typeof bucketAccess> | undefined;
    /** Security of the pod, and of the agent's container in it, which is {@link restrictedContainer} if left out. */
    securityContext: object;
    containerSecurity?: object;
}

/** The pod without what places it. */
export function agentPod(args: AgentPodArgs) {
    const { command, options = [], image, configMap, folders, fileCalls, bucket, securityContext } = args;
    const { containerSecurity = restrictedContainer } = args;
    const runtime = image === undefined ? "/usr/local/bin" : "/node";
    const env = [
        // Node reads it when it starts.
        ...(fileCalls === undefined ? [] : [{ name: "UV_THREADPOOL_SIZE", value: `${fileCalls}` }]),
        ...(bucket?.env ?? []),
    ];
    const initContainers = [
        ...(image === undefined ? [] : [copyNode]),
        ...(bucket === undefined ? [] : [bucket.initContainer]),
    ];
    return {
        restartPolicy: "Never",
        ...everyPod(args),
        securityContext,
        ...(initContainers.length > 0 && { initContainers }),
        containers: [
            {
                name: command,
                image: image ?? nodeImage,
                command: [
                    ...[`${runtime}/node`, "/understudy/agent.cjs", command, "--plan=/understudy/plan.json"],
                    ...options,
                ],
                ...(env.length > 0 && { env }),
                securityContext: containerSecurity,
                resources: resources("128Mi", "1Gi"),
                volumeMounts: [
                    { name: "understudy", mountPath: "/understudy", readOnly: true },
                    { name: "tmp", mountPath: "/tmp" },
                    ...(image === undefined ? [] : [{ name: "node", mountPath: "/node", readOnly: true }]),
                    ...(bucket === undefined ? [] : [bucket.mount]),
                    ...folders.map(({ name, mountPath, readOnly }) => ({ name, mountPath, readOnly })),
                ],
            },
        ],
        volumes: [
            { name: "understudy", configMap: { name: configMap } },
            { name: "tmp", emptyDir: {} },
            ...(image === undefined ? [] : [{ name: "node", emptyDir: {} }]),
            ...(bucket === undefined ? [] : [bucket.volume]),
            ...folders.map(({ name, volume }) => ({ name, ...volume })),
        ],
    };
}

/** Brings Node into the database's image, so that its client tools match the server and no image has to be built. */
const copyNode = {
    name: "node",
    image: nodeImage,
    command: ["cp", "/usr/local/bin/node", "/node/node"],
    securityContext: restrictedContainer,
    resources: resources("16Mi", "256Mi"),
    volumeMounts: [{ name: "node", mountPath: "/node" }],
};

/** Pods may do as little as Kubernetes' `restricted` level lets them, and have no way to the cluster that nobody gave them. */
import { type Container, containersOf, podOf, volumeOf } from "./pod";
import { at, isOneOf, items, kindOf, type Registered, titleOf } from "./registered";

/** Volumes that the level lets pods have. */
const volumes = [
    ...["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"],
    ...["persistentVolumeClaim", "projected", "secret"],
];

/** What user 0 needs to keep production's owners on a copy of its files: the `baseline` level lets containers have it. */
const ownersCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"];

/** What is too much in the pods of a resource. */
export function restricted(resource: Registered): string[] {
    const pod = podOf(resource);
    if (pod === undefined) {
        return [];
    }
    const owners = keepsOwners(resource);
    const title = titleOf(resource);
    return [
        ...ofPod(pod),
        ...containersOf(pod).flatMap((container) =>
            ofContainer(pod, container, owners).map((problem) => `${container.title} ${problem}`),
        ),
    ].map((problem) => `${title}: ${problem}`);
}

/** The only Jobs that may be user 0: they make and remove copies of files that stay their owners'. */
function keepsOwners(resource: Registered): boolean {
    const labels = at(resource.props, "metadata", "labels");
    return (
        kindOf(resource) === "Job" &&
        at(labels, "app.kubernetes.io/part-of") === "understudy" &&
        ["prepare-media", "retire"].includes(String(at(labels, "app.kubernetes.io/name")))
    );
}

function ofPod(pod: unknown): string[] {
    const account = at(pod, "serviceAccountName");
    const hasToken = !isOneOf(at(pod, "automountServiceAccountToken"), false);
    return [
        ...["hostNetwork", "hostPID", "hostIPC"]
            .filter((field) => at(pod, field) === true)
            .map((field) => `the pod shares its node's own: leave out ${field}`),
        ...items(at(pod, "volumes")).flatMap((volume) =>
            volumeOf(volume)
                .filter(([kind]) => !volumes.includes(kind))
                .map(([kind]) => `volume ${String(at(volume, "name"))} is a ${kind}: mount it by a claim of its own`),
        ),
        ...(hasToken && isOneOf(account, undefined, "", "default")
            ? [
                  "the pod gets the cluster's credentials without a service account of its own: write " +
                      "automountServiceAccountToken: false, or serviceAccountName",
              ]
            : []),
    ];
}

function ofContainer(pod: unknown, { spec }: Container, owners: boolean): string[] {
    const security = at(spec, "securityContext");
    // The container's own word counts; the pod's is for those that say nothing.
    const said = (...path: string[]) => at(security, ...path) ?? at(pod, "securityContext", ...path);
    const dropped = at(security, "capabilities", "drop");
    const added = items(at(security, "capabilities", "add"));
    const mayAdd = owners ? ownersCapabilities : ["NET_BIND_SERVICE"];
    const isRoot = owners && said("runAsUser") === 0;
    const problems: [boolean, string][] = [
        [!isRoot && !isOneOf(said("runAsNonRoot"), true), "may run as root: write runAsNonRoot: true"],
        [!isRoot && said("runAsUser") === 0, "runs as root: write another runAsUser"],
        [at(security, "privileged") === true, "is privileged: leave out privileged"],
        [
            !isOneOf(at(security, "allowPrivilegeEscalation"), false),
            "may get more privileges: write allowPrivilegeEscalation: false",
        ],
        [
            typeof dropped !== "symbol" && !items(dropped).includes("ALL"),
            "keeps capabilities: write capabilities.drop: [ALL]",
        ],
        [
            !added.every((name) => isOneOf(name, ...mayAdd)),
            `adds capabilities: leave out ${added.map(String).join(", ")}`,
        ],
        [
            !isOneOf(said("seccompProfile", "type"), "RuntimeDefault", "Localhost"),
            "may call all of the kernel: write seccompProfile.type: RuntimeDefault",
        ],
        [
            items(at(spec, "ports")).some((port) => at(port, "hostPort") !== undefined),
            "takes a port of its node: leave out hostPort",
        ],
    ];
    return problems.flatMap(([violated, sentence]) => (violated ? [sentence] : []));
}

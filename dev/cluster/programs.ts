import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { hashOf, once } from "../cache";
import { goProgram } from "../go";

/** The release of Kubernetes. 1.35 and later refuse Debian's containerd 1.6; go.mod names the same one. */
const kubernetes = "1.34.4";

/** Where the programs of a cluster are, once built. */
export interface Programs {
    /** A folder with kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet, kubectl and provisioner. */
    kubernetes: string;
    /** The path of CoreDNS. */
    coredns: string;
    /** The path of the program that holds a pod's namespaces. */
    pause: string;
}

/** Builds what Debian does not package; 6 to 9 minutes on two cores when nothing is cached. */
export async function ensurePrograms(): Promise<Programs> {
    const version = "k8s.io/component-base/version";
    const [, minor = ""] = kubernetes.split(".");
    const all = await goProgram({
        name: "kubernetes",
        module: join(__dirname, "kubernetes"),
        variables: {
            [`${version}.gitVersion`]: `v${kubernetes}`,
            [`${version}.gitMajor`]: "1",
            [`${version}.gitMinor`]: minor,
        },
        usual: "5-8 min",
    });
    return {
        kubernetes: await linked(all),
        coredns: await goProgram({ name: "coredns", module: join(__dirname, "coredns"), usual: "1-2 min" }),
        pause: await goProgram({ name: "pause", module: join(__dirname, "pause"), usual: "10 s" }),
    };
}

/** The one binary looks at the name it is called by, so it gets one link for each. */
async function linked(binary: string): Promise<string> {
    const names = [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "kubelet",
        "kubectl",
        "provisioner",
    ];
    const folder = await once("kubernetes-links", hashOf(binary, names), async (partial) => {
        for (const name of names) {
            symlinkSync(binary, join(partial, name));
        }
    });
    return folder;
}

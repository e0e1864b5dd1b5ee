import { join } from "node:path";
import type { Daemon } from "./daemons";
import { addresses, apiPort, type Layout } from "./layout";
import type { Programs } from "./programs";

/** What each pod's first container is made from. */
export const pauseImage = "understudy/pause:1";

/** The storage class's provisioner, as the kind and k3s clusters name theirs. */
export const provisionerName = "rancher.io/local-path";

/** Stores the cluster's objects. */
export function etcd(layout: Layout): Daemon {
    const client = "http://127.0.0.1:2379";
    return {
        name: "etcd",
        command: [
            "etcd",
            `--data-dir=${join(layout.state, "etcd")}`,
            `--listen-client-urls=${client}`,
            `--advertise-client-urls=${client}`,
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--logger=zap",
        ],
    };
}

/** Runs the containers. */
export function containerd(layout: Layout): Daemon {
    const path = join(layout.state, "containerd.toml");
    const cri = 'plugins."io.containerd.grpc.v1.cri"';
    return {
        name: "containerd",
        command: ["containerd", "--config", path],
        file: {
            path,
            content: `version = 2
root = "${join(layout.state, "containerd")}"
state = "${layout.runtime}"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "${layout.socket}"
[${cri}]
  # A process without CAP_SYS_RESOURCE may not make others less likely to be killed than itself.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "${pauseImage}"
  [${cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(layout.state, "cni")}"
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`,
        },
    };
}

/**
 * The pods' network, as containerd reads it. Every pod has a cable of its own to the node, so that all traffic passes the
 * node's address translation; on a common bridge, answers of a Service's pod would take a short cut around it.
 */
export function podNetwork(layout: Layout): { path: string; content: string } {
    const network = {
        cniVersion: "1.0.0",
        name: layout.title,
        plugins: [
            {
                type: "ptp",
                ipMasq: false,
                ipam: {
                    type: "host-local",
                    dataDir: join(layout.state, "addresses"),
                    ranges: [[{ subnet: addresses.pods }]],
                    routes: [{ dst: "0.0.0.0/0" }],
                },
            },
            { type: "portmap", capabilities: { portMappings: true } },
        ],
    };
    return { path: join(layout.state, "cni", "10-pods.conflist"), content: JSON.stringify(network) };
}

/** Serves the cluster's objects. */
export function apiserver(layout: Layout, programs: Programs): Daemon {
    const pki = (file: string) => join(layout.state, "pki", file);
    return {
        name: "apiserver",
        command: [
            join(programs.kubernetes, "kube-apiserver"),
            "--etcd-servers=http://127.0.0.1:2379",
            `--advertise-address=${layout.nodeAddress}`,
            `--secure-port=${apiPort}`,
            `--service-cluster-ip-range=${addresses.services}`,
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--profiling=false",
            `--client-ca-file=${pki("ca.crt")}`,
            `--tls-cert-file=${pki("apiserver.crt")}`,
            `--tls-private-key-file=${pki("apiserver.key")}`,
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            `--service-account-key-file=${pki("accounts.crt")}`,
            `--service-account-signing-key-file=${pki("accounts.key")}`,
            `--kubelet-certificate-authority=${pki("ca.crt")}`,
            `--kubelet-client-certificate=${pki("admin.crt")}`,
            `--kubelet-client-key=${pki("admin.key")}`,
            // Logs and exec reach the node by its address: no name server knows its name.
            "--kubelet-preferred-address-types=InternalIP",
        ],
    };
}

/** Keeps objects true: deployments, jobs, claims, namespaces, accounts. */
export function controllers(layout: Layout, programs: Programs): Daemon {
    const pki = (file: string) => join(layout.state, "pki", file);
    // Nothing here has a cloud, node address ranges, or machines that join with a token; nobody scales by load.
    const left = [
        "cloud-node-lifecycle-controller",
        "node-ipam-controller",
        "node-route-controller",
        "service-lb-controller",
    ];
    left.push("bootstrap-signer-controller", "token-cleaner-controller", "horizontal-pod-autoscaler-controller");
    left.push("certificatesigningrequest-approving-controller", "certificatesigningrequest-cleaner-controller");
    return {
        name: "controllers",
        command: [
            join(programs.kubernetes, "kube-controller-manager"),
            `--kubeconfig=${layout.kubeconfig}`,
            "--leader-elect=false",
            "--profiling=false",
            `--controllers=*,${left.map((name) => `-${name}`).join(",")}`,
            `--service-account-private-key-file=${pki("accounts.key")}`,
            `--root-ca-file=${pki("ca.crt")}`,
            `--flex-volume-plugin-dir=${join(layout.state, "plugins")}`,
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            // Claims are looked at again this often, should a change have been missed; there are few of them.
            "--pvclaimbinder-sync-period=3s",
        ],
    };
}

/** Gives each pod its node. */
export function scheduler(layout: Layout, programs: Programs): Daemon {
    const path = join(layout.state, "scheduler.json");
    const configuration = {
        apiVersion: "kubescheduler.config.k8s.io/v1",
        kind: "KubeSchedulerConfiguration",
        clientConnection: { kubeconfig: layout.kubeconfig, qps: 200, burst: 400 },
        leaderElection: { leaderElect: false },
        enableProfiling: false,
        parallelism: 2,
        podInitialBackoffSeconds: 1,
        podMaxBackoffSeconds: 2,
    };
    return {
        name: "scheduler",
        command: [join(programs.kubernetes, "kube-scheduler"), `--config=${path}`],
        file: { path, content: JSON.stringify(configuration) },
    };
}

/** Runs the pods of the node. */
export function kubelet(layout: Layout, programs: Programs): Daemon {
    const pki = (file: string) => join(layout.state, "pki", file);
    const path = join(layout.state, "kubelet.json");
    const configuration = {
        apiVersion: "kubelet.config.k8s.io/v1beta1",
        kind: "KubeletConfiguration",
        authentication: { anonymous: { enabled: false }, x509: { clientCAFile: pki("ca.crt") } },
        authorization: { mode: "Webhook" },
        tlsCertFile: pki("kubelet.crt"),
        tlsPrivateKeyFile: pki("kubelet.key"),
        containerRuntimeEndpoint: `unix://${layout.socket}`,
        podLogsDir: join(layout.state, "pods"),
        volumePluginDir: join(layout.state, "plugins"),
        resolvConf: join(layout.state, "resolv.conf"),
        clusterDomain: "cluster.local",
        clusterDNS: [addresses.dnsService],
        cgroupDriver: "cgroupfs",
        cgroupRoot: `/${layout.title}`,
        failCgroupV1: false,
        failSwapOn: false,
        enforceNodeAllocatable: [],
        // The machine is shared with people's other work: a full disk is theirs to clear, no reason to throw pods out.
        evictionHard: {},
        imageGCHighThresholdPercent: 100,
        serializeImagePulls: false,
        // A burst of starting pods is not to be slowed down by limits that protect clusters of thousands of nodes.
        kubeAPIQPS: 200,
        kubeAPIBurst: 400,
        eventRecordQPS: 0,
        volumeStatsAggPeriod: "-1s",
        maxPods: 250,
    };
    return {
        name: "kubelet",
        command: [
            join(programs.kubernetes, "kubelet"),
            `--config=${path}`,
            `--kubeconfig=${pki("kubelet.kubeconfig")}`,
            `--hostname-override=${layout.title}`,
            `--node-ip=${layout.nodeAddress}`,
            `--root-dir=${join(layout.state, "kubelet")}`,
        ],
        file: { path, content: JSON.stringify(configuration) },
    };
}

/** Leads Services' addresses to their pods. */
export function proxy(layout: Layout, programs: Programs): Daemon {
    const path = join(layout.state, "proxy.json");
    const configuration = {
        apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
        kind: "KubeProxyConfiguration",
        mode: "iptables",
        clusterCIDR: addresses.pods,
        clientConnection: { kubeconfig: layout.kubeconfig },
        iptables: { minSyncPeriod: "100ms", syncPeriod: "5m" },
        // The limits of connection tracking belong to the host and stay as they are.
        conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    };
    return {
        name: "proxy",
        command: [join(programs.kubernetes, "kube-proxy"), `--config=${path}`, `--hostname-override=${layout.title}`],
        file: { path, content: JSON.stringify(configuration) },
    };
}

/** Answers for the names of Services and pods; for all others it says that they do not exist. */
export function dns(layout: Layout, programs: Programs): Daemon {
    const path = join(layout.state, "Corefile");
    return {
        name: "dns",
        command: [programs.coredns, "-conf", path],
        file: {
            path,
            content: `.:53 {
    bind ${layout.nodeAddress}
    errors
    ready ${layout.nodeAddress}:8181
    cache 5
    kubernetes cluster.local ${addresses.pods} ${addresses.services} {
        kubeconfig ${layout.kubeconfig} ${layout.title}
        ttl 5
    }
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
`,
        },
    };
}

/** Makes a folder on the node for each claim of the storage class. */
export function provisioner(layout: Layout, programs: Programs): Daemon {
    return {
        name: "provisioner",
        command: [
            join(programs.kubernetes, "provisioner"),
            `-kubeconfig=${layout.kubeconfig}`,
            `-root=${join(layout.state, "volumes")}`,
            `-name=${provisionerName}`,
        ],
    };
}

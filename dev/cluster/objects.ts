import { provisionerName } from "./components";
import { addresses, type Layout } from "./layout";

/** What every cluster has from the start: its name service, and a storage class for claims that name none. */
export function objects(layout: Layout): object[] {
    const ports = [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
    ];
    return [
        {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "kube-dns", namespace: "kube-system" },
            spec: { clusterIP: addresses.dnsService, ports },
        },
        {
            // The name server runs beside the pods, not in one: a Service without selector leads to the node.
            apiVersion: "discovery.k8s.io/v1",
            kind: "EndpointSlice",
            metadata: {
                name: "kube-dns",
                namespace: "kube-system",
                labels: { "kubernetes.io/service-name": "kube-dns" },
            },
            addressType: "IPv4",
            endpoints: [{ addresses: [layout.nodeAddress] }],
            ports,
        },
        {
            apiVersion: "storage.k8s.io/v1",
            kind: "StorageClass",
            metadata: { name: "local-path", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
            provisioner: provisionerName,
            volumeBindingMode: "WaitForFirstConsumer",
            reclaimPolicy: "Delete",
        },
    ];
}

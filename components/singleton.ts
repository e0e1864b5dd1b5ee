import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labels, type Place, selector } from "./labels";
import { skipAwait } from "./pod";

/** A server that the replica has one of, and how it is reached. */
export interface Singleton {
    /** What it is, as its pods' labels say. */
    component: string;
    /** Its host name inside the target namespace. */
    host: string;
    strategy: kubernetes.types.input.apps.v1.DeploymentStrategy;
    /** A pod with others is another one. */
    annotations?: Record<string, pulumi.Input<string>>;
    pod: pulumi.Input<kubernetes.types.input.core.v1.PodSpec>;
    /** Ports by their names. */
    ports: Record<string, number>;
}

/** Beside a new one, the former would go on with what it has. */
export const recreate = { type: "Recreate" };

/** A Deployment of one pod, and the Service in front of it. */
export function createSingleton(
    name: string,
    place: Place,
    { component, host, strategy, annotations, pod, ports }: Singleton,
    parent: pulumi.Resource,
    dependsOn: pulumi.Resource[] = [],
): void {
    const metadata = { name: host, namespace: place.namespace, labels: labels(place, component) };
    const server = new kubernetes.apps.v1.Deployment(
        `${name}-server`,
        {
            metadata,
            spec: {
                replicas: 1,
                selector: { matchLabels: selector(place, component) },
                strategy,
                progressDeadlineSeconds: 300,
                template: {
                    metadata: { labels: labels(place, component), ...(annotations && { annotations }) },
                    spec: pod,
                },
            },
        },
        { parent, dependsOn },
    );
    new kubernetes.core.v1.Service(
        `${name}-service`,
        {
            metadata: { ...metadata, annotations: skipAwait },
            spec: {
                selector: selector(place, component),
                ports: Object.entries(ports).map(([port, number]) => ({ name: port, port: number })),
            },
        },
        { parent, dependsOn: [server] },
    );
}

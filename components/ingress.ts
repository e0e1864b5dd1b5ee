import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { applicationName, type IngressSettings, ingressHost } from "./address";
import { labels, type Place } from "./labels";
import { skipAwait } from "./pod";

/**
 * The way to the application's Service from outside of the cluster. The certificate, if an issuer is named, is made by
 * cert-manager and comes later.
 */
export function createIngress(
    name: string,
    place: Place,
    settings: IngressSettings,
    options: pulumi.CustomResourceOptions,
): kubernetes.networking.v1.Ingress {
    const { issuer, className } = settings;
    const host = ingressHost(settings, place.namespace);
    const backend = { service: { name: applicationName, port: { name: "http" } } };
    return new kubernetes.networking.v1.Ingress(
        name,
        {
            metadata: {
                name: applicationName,
                namespace: place.namespace,
                labels: labels(place, applicationName),
                annotations: {
                    ...skipAwait,
                    ...(issuer !== undefined && { "cert-manager.io/cluster-issuer": issuer }),
                },
            },
            spec: {
                ...(className !== undefined && { ingressClassName: className }),
                ...(issuer !== undefined && { tls: [{ hosts: [host], secretName: `${applicationName}-tls` }] }),
                rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
            },
        },
        options,
    );
}

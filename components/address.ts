/** Where the application answers. */
import type { Settings } from "../settings";
import type { ApplicationSettings } from "../settings/application";

/** What the stack file says about the way in from outside. */
export type IngressSettings = NonNullable<ApplicationSettings["ingress"]>;

/** Name of the application's Service and of everything else that belongs to its web part. */
export const applicationName = "application";

/** Address of the application inside the cluster, without a slash at its end. */
export function innerUrl(namespace: string): string {
    return `http://${applicationName}.${namespace}.svc`;
}

/** Host name of the application's Ingress. */
export function ingressHost({ host, domain }: IngressSettings, namespace: string): string {
    return host ?? `${namespace}.${domain}`;
}

/**
 * Address of the application for people: the Ingress's if there is one, without a slash at its end; undefined if there
 * is no application.
 */
export function publicUrl({ target, application }: Settings): string | undefined {
    if (application === undefined) {
        return undefined;
    }
    const { ingress } = application;
    if (ingress === undefined) {
        return innerUrl(target.namespace);
    }
    return `${ingress.issuer === undefined ? "http" : "https"}://${ingressHost(ingress, target.namespace)}`;
}

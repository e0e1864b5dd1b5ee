import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Live } from "../contract/event";
import { labels, type Place } from "./labels";

/** ConfigMap with what is live and what its last refresh came to, a {@link Live} as JSON under {@link reportFile}. */
export const reportConfigMap = "understudy-report";
export const reportFile = "report.json";

/** Kubernetes takes a mebibyte in all. */
const room = 1_000_000;

/** Puts a report where other programs of the cluster can read it. */
export function createReport(
    place: Place,
    live: pulumi.Output<Live | undefined>,
    options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.ConfigMap {
    return new kubernetes.core.v1.ConfigMap(
        "report",
        {
            metadata: { name: reportConfigMap, namespace: place.namespace, labels: labels(place, "report") },
            data: live.apply(
                (read): Record<string, string> => (read === undefined ? {} : { [reportFile]: textOf(read) }),
            ),
        },
        options,
    );
}

/** The report as text; without its tables if there are too many of them. */
function textOf(live: Live): string {
    const whole = JSON.stringify(live);
    return whole.length < room ? whole : JSON.stringify(live, (key, value: unknown) => (key === "tables" ? {} : value));
}

import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Live } from "../contract/event";
import { type HistoryEntry, historyFile, historyText, historyWith } from "../contract/history";
import { labels, type Place } from "./labels";

/**
 * ConfigMap with what is live and what its last refresh came to, a {@link Live} as JSON under {@link reportFile}, and with
 * what the ones before came to under {@link historyFile}.
 */
export const reportConfigMap = "understudy-report";
export const reportFile = "report.json";

/** Kubernetes takes a mebibyte in all, and the history has its part of it. */
const room = 900_000;

/**
 * Puts a report where other programs of the cluster can read it.
 *
 * @param history what was known before
 */
export function createReport(
    place: Place,
    live: pulumi.Output<Live | undefined>,
    history: HistoryEntry[],
    options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.ConfigMap {
    return new kubernetes.core.v1.ConfigMap(
        "report",
        {
            metadata: { name: reportConfigMap, namespace: place.namespace, labels: labels(place, "report") },
            data: live.apply((read) => dataOf(read, historyWith(history, read))),
        },
        options,
    );
}

function dataOf(live: Live | undefined, history: HistoryEntry[]): Record<string, string> {
    return {
        ...(live && { [reportFile]: textOf(live) }),
        ...(history.length > 0 && { [historyFile]: historyText(history) }),
    };
}

/** The report as text; without its tables if there are too many of them. */
function textOf(live: Live): string {
    const whole = JSON.stringify(live);
    return whole.length < room ? whole : JSON.stringify(live, (key, value: unknown) => (key === "tables" ? {} : value));
}

import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { accessCluster, jobPods } from "../cluster";
import type { Settings } from "../settings";

/**
 * Shows what a replica's running Jobs print, line by line, until it is told to stop. Losing sight of one is no failure:
 * the engine reports how each ends.
 */
export async function followJobs({ target }: Settings, show: (line: string) => void, stop: AbortSignal): Promise<void> {
    const { Log } = await import("@kubernetes/client-node");
    const { config, core } = await accessCluster(target.context);
    const { namespace } = target;
    const seen = new Set<string>();
    while (!stop.aborted) {
        const { items } = await core
            .listNamespacedPod({ namespace, labelSelector: jobPods })
            .catch(() => ({ items: [] as V1Pod[] }));
        for (const { metadata, status, spec } of items) {
            const pod = metadata?.name ?? "";
            if (status?.phase === "Running" && !seen.has(pod)) {
                seen.add(pod);
                const container = spec?.containers[0]?.name ?? "";
                new Log(config)
                    .log(
                        namespace,
                        pod,
                        container,
                        lines((line) => show(`${container}: ${line}`)),
                        { follow: true },
                    )
                    .then((following) => stop.addEventListener("abort", () => following.abort(), { once: true }))
                    .catch(() => undefined);
            }
        }
        await sleep(1000, undefined, { signal: stop }).catch(() => undefined);
    }
}

/** A stream that hands over what is written to it, line by line. */
function lines(show: (line: string) => void): PassThrough {
    const stream = new PassThrough();
    let rest = "";
    stream.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) {
            show(line);
        }
    });
    stream.on("error", () => undefined);
    return stream;
}

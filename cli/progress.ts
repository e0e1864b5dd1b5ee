import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { accessCluster, jobPods } from "../cluster";
import { eventIn } from "../record";
import type { Settings } from "../settings";
import type { JobEvent } from "./view";

/**
 * Shows what a replica's Jobs say from now on, until it is told to stop. Losing sight of one is no failure: the engine
 * reports how each ends.
 */
export async function followJobs(
    { target }: Settings,
    show: (job: string, event: JobEvent) => unknown,
    stop: AbortSignal,
): Promise<void> {
    const { Log } = await import("@kubernetes/client-node");
    const { config, core } = await accessCluster(target.context);
    const { namespace } = target;
    let seen: Set<string> | undefined;
    while (!stop.aborted) {
        const items: V1Pod[] = await core.listNamespacedPod({ namespace, labelSelector: jobPods }).then(
            (list) => list.items,
            () => [],
        );
        seen ??= new Set(items.filter(hasEnded).map(({ metadata }) => metadata?.name ?? ""));
        for (const { metadata, status, spec } of items) {
            const pod = metadata?.name ?? "";
            // A short run may have ended before anyone looks; those of earlier updates are none of this one's.
            if (status?.phase !== "Pending" && !seen.has(pod)) {
                seen.add(pod);
                const container = spec?.containers[0]?.name ?? "";
                new Log(config)
                    .log(
                        namespace,
                        pod,
                        container,
                        lines((line) => show(container, eventIn(line) ?? { event: "sentence", text: line })),
                        { follow: true },
                    )
                    .then((following) => stop.addEventListener("abort", () => following.abort(), { once: true }))
                    .catch(() => undefined);
            }
        }
        await sleep(1000, undefined, { signal: stop }).catch(() => undefined);
    }
}

function hasEnded({ status }: V1Pod): boolean {
    return status?.phase === "Succeeded" || status?.phase === "Failed";
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

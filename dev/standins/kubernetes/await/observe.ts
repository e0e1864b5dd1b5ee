import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, type Cluster, type Kind } from "../cluster";
import { type Fields, listAt, textAt } from "../fields";

/** Something happened to an object. */
export interface Change {
    type: "ADDED" | "MODIFIED" | "DELETED";
    object: Fields;
}

/**
 * Tells every object of the kind in the namespace, then every change, until `signal` is aborted. A broken connection is
 * mended without a gap.
 *
 * @returns when the objects that are there have been told, or there is nobody to tell them to any more
 */
export function observe(
    cluster: Cluster,
    kind: Kind,
    namespace: string,
    signal: AbortSignal,
    tell: (change: Change) => void,
): Promise<void> {
    return new Promise((listed) => {
        follow(cluster, kind, namespace, signal, tell, listed).finally(listed);
    });
}

async function follow(
    cluster: Cluster,
    kind: Kind,
    namespace: string,
    signal: AbortSignal,
    tell: (change: Change) => void,
    listed: () => void,
): Promise<void> {
    const known = new Map<string, Fields>();
    const report = (type: string, object: Fields) => {
        if (signal.aborted) return;
        const uid = textAt(object, "metadata", "uid");
        if (type === "DELETED") known.delete(uid);
        else if (type === "ADDED" || type === "MODIFIED") known.set(uid, object);
        else throw new ApiError(object, 410);
        tell({ type, object });
    };
    while (!signal.aborted) {
        try {
            const list = await cluster.list(kind, namespace);
            const items = listAt(list, "items");
            const present = new Set(items.map((item) => textAt(item, "metadata", "uid")));
            for (const [uid, object] of known) if (!present.has(uid)) report("DELETED", object);
            for (const item of items) report("ADDED", item);
            listed();
            await cluster.follow(kind, namespace, textAt(list, "metadata", "resourceVersion"), signal, report);
        } catch {
            await sleep(500, undefined, { signal }).catch(() => undefined);
        }
    }
}

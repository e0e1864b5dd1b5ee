import type { Cluster, Kind } from "../cluster";
import { type Fields, listAt, nameOf, namespaceOf, textAt } from "../fields";
import type { Log, Severity } from "../log";
import { type Change, observe } from "./observe";

/** What an await has to know. */
export interface Situation {
    cluster: Cluster;
    log: Log;
    /** The object as the API server answered the change that is awaited. */
    live: Fields;
    /** The object before an update; undefined after a create. */
    former: Fields | undefined;
    timeoutSeconds: number;
    /** Aborted when the user cancels the run. */
    cancelled: AbortSignal;
}

/** A message about an object that is not ready yet. */
export interface Message {
    severity: Severity;
    text: string;
}

/** Watches objects and decides when one of them is ready. */
export interface Readiness {
    /** Kinds that are followed in the object's namespace: its own, then those that tell about it. */
    readonly kinds: readonly Kind[];
    /** True when each change starts the timeout anew. */
    readonly patient?: boolean;
    /** The object, as it was last seen. */
    readonly live: Fields;
    /** Takes a change in; throws {@link NotReady} when the object can never become ready. */
    observe(change: Change): void;
    ready(): boolean;
    /** Why the object is not ready. */
    reasons(): string[];
    /** Asked for every ten seconds, to be shown. */
    progress?(): Message[];
    /** True when an interrupted wait may still count as success. */
    goodEnough?(): boolean;
}

/** An object that exists, but did not become ready or did not go away. */
export class NotReady extends Error {
    constructor(
        message: string,
        readonly live: Fields,
        readonly reasons: string[] = [],
    ) {
        super(message);
    }
}

export const timedOut = (live: Fields, reasons: string[]) =>
    new NotReady(`'${nameOf(live)}' timed out waiting to be Ready`, live, reasons);

export const cancelled = (live: Fields, reasons: string[]) =>
    new NotReady(`Resource operation was cancelled for ${JSON.stringify(nameOf(live))}`, live, reasons);

export const uninitialized = (live: Fields, reasons: string[]) =>
    new NotReady(`Resource '${nameOf(live)}' was created but failed to initialize`, live, reasons);

/** Waits until the object is ready and returns it as it was last seen; throws {@link NotReady}. */
export async function until(situation: Situation, readiness: Readiness): Promise<Fields> {
    const { cluster, log, live, cancelled: cancel } = situation;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, cancel]);
    try {
        return await new Promise<Fields>((resolve, reject) => {
            const interrupt = (error: typeof timedOut) =>
                readiness.goodEnough?.() ? resolve(readiness.live) : reject(error(readiness.live, readiness.reasons()));
            const startTimer = () => setTimeout(() => interrupt(timedOut), situation.timeoutSeconds * 1000);
            let timer = startTimer();
            const ticker = setInterval(() => {
                for (const { severity, text } of readiness.progress?.() ?? []) log.status(severity, text);
            }, 10_000);
            // Some objects become ready by nothing happening to them for a while.
            const look = setInterval(() => {
                if (readiness.ready()) resolve(readiness.live);
            }, 250);
            signal.addEventListener("abort", () => {
                clearTimeout(timer);
                clearInterval(ticker);
                clearInterval(look);
            });
            if (cancel.aborted) interrupt(cancelled);
            cancel.addEventListener("abort", () => interrupt(cancelled));
            const take = (change: Change) => {
                try {
                    readiness.observe(change);
                } catch (error) {
                    reject(error);
                }
                if (readiness.ready()) resolve(readiness.live);
                if (!readiness.patient) return;
                clearTimeout(timer);
                timer = startTimer();
            };
            const follow = (kind: Kind) => observe(cluster, kind, namespaceOf(live), signal, take);
            const [own, ...others] = readiness.kinds;
            // The object speaks first: one that has failed already ends the wait before its pods are looked at.
            if (own !== undefined) follow(own).then(() => others.forEach(follow));
        });
    } finally {
        stop.abort();
    }
}

/** Looks once and throws {@link NotReady} unless the object is ready now. */
export async function now({ cluster, live }: Situation, readiness: Readiness): Promise<void> {
    const lists = await Promise.all(readiness.kinds.map((kind) => cluster.list(kind, namespaceOf(live))));
    for (const object of lists.flatMap((list) => listAt(list, "items"))) {
        try {
            readiness.observe({ type: "ADDED", object });
        } catch (error) {
            // What makes an await give up at once is one reason among others here.
            if (!(error instanceof NotReady)) throw error;
        }
    }
    if (!readiness.ready()) throw uninitialized(readiness.live, readiness.reasons());
}

/** True when the change is about the object itself and not older than what is awaited. */
export function isAbout(change: Change, live: Fields): boolean {
    return change.object.kind === live.kind && nameOf(change.object) === nameOf(live);
}

/** `metadata.uid`. */
export const uidOf = (object: Fields) => textAt(object, "metadata", "uid");

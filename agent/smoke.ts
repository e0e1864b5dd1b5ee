import { setTimeout as sleep } from "node:timers/promises";
import type { Plan } from "../contract";
import { Refusal } from "./refusal";

/** Redirects that are followed, on the same host only. */
const hops = 5;

/**
 * Asks the application's page until it answers 200.
 *
 * @param patience seconds to go on asking
 * @throws {Error} with the last answer, when the time is up
 */
export async function smoke({ smoke: page }: Pick<Plan, "smoke">, signal: AbortSignal, patience = 60): Promise<string> {
    if (page === undefined) {
        throw new Refusal("The plan has no application, and so no page to ask: nothing runs this without one.");
    }
    const { url } = page;
    const start = performance.now();
    for (;;) {
        const answer = await ask(url, signal);
        signal.throwIfAborted();
        const seconds = Math.round(performance.now() - start) / 1000;
        if (answer === "200") {
            return `The page ${url} answers 200, after ${seconds} s.`;
        }
        if (seconds > patience) {
            throw new Error(
                `The page ${url} did not answer 200 within ${patience} s; its last answer was ${answer}: ` +
                    "look whether the application runs, and at its logs. The former copies are kept.",
            );
        }
        await sleep(500, undefined, { signal });
    }
}

/** The status of a page, or why there is none. What the page holds is nobody's business. */
async function ask(url: string, signal: AbortSignal): Promise<string> {
    let at = new URL(url);
    for (let hop = 0; hop <= hops; hop++) {
        try {
            const response = await fetch(at, {
                redirect: "manual",
                signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
            });
            await response.body?.cancel();
            const location = response.headers.get("location");
            if (response.status < 300 || response.status > 399 || location === null) {
                return String(response.status);
            }
            const next = new URL(location, at);
            if (next.host !== at.host) {
                return `${response.status}, a redirect to another host (${next.host})`;
            }
            at = next;
        } catch (error) {
            const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
            return cause?.code ?? (error instanceof Error ? error.message : String(error));
        }
    }
    return `more than ${hops} redirects`;
}

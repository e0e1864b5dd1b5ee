/** Who hears of what happens to a replica: a web hook, and on hosts a command. Nobody's run fails for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../agent/bundle";
import { accessCluster } from "../cluster";
import { orderOf } from "../components/hosts/replica";
import { onHost } from "../hosts/install";
import { openWays } from "../hosts/way";
import type { Notice } from "../lifecycle/events";
import type { Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import type { NoticesSettings } from "../settings/notices";

/** Milliseconds before another try to tell a web hook. */
const pauses = [1_000, 4_000];

/** Milliseconds that a web hook has for an answer. */
const patience = 10_000;

/** Tells of an event of a replica; returns a sentence for each who could not be told. */
export type Teller = (notice: Notice) => Promise<string[]>;

/**
 * Whoever the stack file wants told. A token is read at once: it may go with what is told of.
 *
 * @param stack `<project>/<stack>`
 */
export async function tellerOf(settings: Settings | HostSettings, stack: string): Promise<Teller> {
    const { notices } = settings;
    if (notices === undefined) {
        return async () => [];
    }
    const token = settings.role === "hosts" ? {} : await tokenOf(settings);
    const place = settings.role === "hosts" ? { host: settings.target.host } : { namespace: settings.target.namespace };
    return async ({ event, text, facts }) => {
        if (!notices.on.includes(event)) {
            return [];
        }
        const body = { text, event, stack, ...place, ...facts };
        const problems = await Promise.all([
            token.problem ?? (notices.url === undefined ? undefined : tellHook(notices.url, token.token, body)),
            settings.role === "hosts" ? tellCommand(settings, stack, text) : undefined,
        ]);
        return problems.filter((problem) => problem !== undefined);
    };
}

async function tokenOf({ target, notices }: Settings): Promise<{ token?: string; problem?: string }> {
    const name = (notices as NoticesSettings | undefined)?.secret;
    if (name === undefined) {
        return {};
    }
    try {
        const { core } = await accessCluster(target.context);
        const { data } = await core.readNamespacedSecret({ name, namespace: target.namespace });
        return {
            token: Buffer.from(data?.token ?? "", "base64")
                .toString()
                .trim(),
        };
    } catch (error) {
        const { code } = error as { code?: number };
        return {
            problem: `The web hook was not told: Secret ${name}, which notices.secret names, cannot be read (${code ?? "no answer"}).`,
        };
    }
}

async function tellCommand(settings: HostSettings, stack: string, text: string): Promise<string | undefined> {
    const { command } = settings.notices ?? {};
    if (command === undefined) {
        return undefined;
    }
    const ways = openWays(orderOf({ stack, settings, program: await bundle("all") }, "").hosts);
    try {
        await onHost(ways, command.host, command.command, Buffer.from(`${text}\n`));
        return undefined;
    } catch (error) {
        return `notices.command was not told (${(error as Error).message}): tell people in another way.`;
    } finally {
        ways.close();
    }
}

/**
 * Tells a web hook, three times if it must.
 *
 * @returns why it was not told; undefined if it was. Nothing of its address but the host is in it.
 */
export async function tellHook(
    url: string,
    token: string | undefined,
    body: object,
    waits = pauses,
): Promise<string | undefined> {
    for (let attempt = 0; ; attempt++) {
        const reason = await post(url, token, body);
        const pause = waits[attempt];
        if (reason === undefined) {
            return undefined;
        }
        if (pause === undefined) {
            return `The web hook of ${new URL(url).host} was not told (${reason}): tell people in another way.`;
        }
        await sleep(pause);
    }
}

/** Redirections are not followed: the token is for this host alone. */
async function post(url: string, token: string | undefined, body: object): Promise<string | undefined> {
    try {
        const response = await fetch(url, {
            method: "POST",
            redirect: "manual",
            headers: {
                "content-type": "application/json",
                ...(token !== undefined && { authorization: `Bearer ${token}` }),
            },
            body: JSON.stringify(body),
            signal: AbortSignal.timeout(patience),
        });
        await response.body?.cancel();
        return response.ok ? undefined : `it answers ${response.status}`;
    } catch (error) {
        const { cause } = error as { cause?: { code?: string } };
        return cause?.code ?? "no answer";
    }
}

/** Who is changing a replica: a Lease in its namespace, which its holder keeps renewing. Here is what others see of it. */
import { hostname, userInfo } from "node:os";
import type { V1Lease } from "@kubernetes/client-node";

/** Name of the Lease in the target namespace. */
export const leaseName = "understudy";

/** Seconds after which a lease that nobody renews has ended. */
export const leaseSeconds = 30;

/** A lease as its namespace has it. */
export interface Held {
    /** Who holds it, for people. */
    holder: string;
    /** ISO times. */
    since: string;
    renewed: string;
}

/** What a Lease tells; undefined if nobody holds it. */
export function heldIn({ spec }: V1Lease): Held | undefined {
    const { holderIdentity, acquireTime, renewTime } = spec ?? {};
    // The client hands these times over as text, whatever its types say.
    return holderIdentity === undefined || acquireTime === undefined || renewTime === undefined
        ? undefined
        : { holder: holderIdentity, since: String(acquireTime), renewed: String(renewTime) };
}

/**
 * Who this process works for, for people: the one whom a CI server names, or the machine's user.
 *
 * @param env the process's environment
 */
export function holder(env: NodeJS.ProcessEnv = process.env): string {
    const ci = [
        env.GITHUB_RUN_ID && `${env.GITHUB_ACTOR} in run ${env.GITHUB_RUN_ID} of ${env.GITHUB_REPOSITORY}`,
        env.GITLAB_CI && `${env.GITLAB_USER_LOGIN} in job ${env.CI_JOB_ID} of ${env.CI_PROJECT_PATH}`,
        env.JENKINS_URL && `job ${env.JOB_NAME} ${env.BUILD_NUMBER}`,
    ].find((name) => name);
    return `${ci ?? nameOfUser()} on ${hostname()}, process ${process.pid}`;
}

/** A user without an entry among the system's has a number alone. */
function nameOfUser(): string {
    try {
        return userInfo().username;
    } catch {
        return `user ${process.getuid?.()}`;
    }
}

/** Whether a lease keeps this process from changing the replica: it is another one's, and neither has ended nor is its process gone. */
export function isInTheWay(held: Held, now = Date.now()): boolean {
    return held.holder !== holder() && !isLeft(held, now);
}

/** Whether a lease was left by a run that was killed: its end had taken it away. */
export function isLeft({ holder: other, renewed }: Held, now = Date.now()): boolean {
    return other !== holder() && (now >= Date.parse(renewed) + leaseSeconds * 1000 || isGone(other));
}

/** Whether somebody was a process of this machine that is no more. */
function isGone(other: string): boolean {
    const [, host, id] = / on (\S+), process (\d+)$/.exec(other) ?? [];
    if (host !== hostname()) {
        return false;
    }
    try {
        process.kill(Number(id), 0);
        return false;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ESRCH";
    }
}

/** What is said to whom a lease keeps from changing a replica. */
export function leaseObjection(namespace: string, { holder: other, since, renewed }: Held): string {
    const end = new Date(Date.parse(renewed) + leaseSeconds * 1000).toISOString();
    return (
        `The replica in namespace ${namespace} is being changed by ${other}, since ${clock(since)} UTC: wait for the end of ` +
        `that run. If it is no more, its lease ends by itself at ${clock(end)} UTC.`
    );
}

function clock(time: string): string {
    return time.slice(11, 19);
}

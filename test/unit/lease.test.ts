import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { V1Lease } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeLease, wasKilled } from "../../cli/lease";
import { refusals } from "../../preflight";
import { holder, isInTheWay, leaseObjection } from "../../preflight/lease";
import { type LeaseApi, startLeaseApi } from "../lease-api";
import { settings as demo } from "./cli/seen";

const place = { context: "here", namespace: "replica", stack: "understudy/demo" };
const pace = { interval: 30, silence: 500 };

let api: LeaseApi;
const { KUBECONFIG } = process.env;
const lost: string[] = [];
beforeEach(async () => {
    api = await startLeaseApi();
    process.env.KUBECONFIG = api.kubeconfig;
    lost.length = 0;
});
afterEach(() => {
    api.close();
    process.env.KUBECONFIG = KUBECONFIG;
    if (KUBECONFIG === undefined) {
        delete process.env.KUBECONFIG;
    }
});

const take = () => takeLease(place, (sentence) => lost.push(sentence), pace);
const held = () => api.lease?.spec?.holderIdentity;

/** A lease of somebody else, renewed so many seconds ago. */
function others(name: string, seconds = 0, version = "x1"): V1Lease {
    const time = new Date(Date.now() - seconds * 1000).toISOString();
    const spec = { holderIdentity: name, acquireTime: time, renewTime: time } as unknown as V1Lease["spec"];
    return { metadata: { name: "understudy", resourceVersion: version }, ...(spec && { spec }) };
}

describe("the lease of a replica's namespace", () => {
    it("names who runs, is renewed, and is gone when it is released", async () => {
        const release = await take();
        expect(held()).toBe(holder());
        const first = api.lease?.spec?.renewTime;
        await expect.poll(() => api.lease?.spec?.renewTime).not.toBe(first);
        await release();
        expect(api.lease).toBeUndefined();
    });

    it("of somebody who renews it refuses another run, which changes nothing", async () => {
        api.lease = others("anna on a-laptop, process 7");
        const before = structuredClone(api.lease);
        await expect(take()).rejects.toThrow(
            /namespace replica is being changed by anna on a-laptop, process 7, since [\d:]+ UTC: wait for the end of that run.* Nothing was changed\.$/,
        );
        expect(api.lease).toEqual(before);
    });

    it("tells whether the last run was killed: nobody else leaves one behind", async () => {
        const gone = `anna on ${hostname()}, process 4194305`;
        for (const [lease, killed] of [
            [undefined, false],
            [others("anna on a-laptop, process 7"), false],
            [others("anna on a-laptop, process 7", 60), true],
            [others(gone), true],
            [others(holder(), 60), false],
        ] as const) {
            api.lease = lease;
            expect(await wasKilled(place), lease?.spec?.holderIdentity).toBe(killed);
        }
        expect(await wasKilled({ ...place, context: "nowhere" })).toBe(false);
    });

    it("that has ended is taken over, unless it is renewed after all: clocks differ", async () => {
        api.lease = others("anna on a-laptop, process 7", 60);
        const release = await take();
        expect(held()).toBe(holder());
        await release();
        api.lease = others("anna on a-laptop, process 7", 60);
        api.asked.length = 0;
        const losing = take();
        await expect.poll(() => api.asked).toContain("GET /api/v1/namespaces/replica");
        api.lease = others("anna on a-laptop, process 7", 59, "x2");
        await expect(losing).rejects.toThrow("being changed by anna");
        expect(held()).toContain("anna");
    });

    it("of a process of this machine that is no more is taken over, though it has not ended", async () => {
        api.lease = others(`anna on ${hostname()}, process 4194303`);
        const release = await take();
        expect(held()).toBe(holder());
        await release();
    });

    it("is taken as soon as there is a namespace", async () => {
        api.namespace = false;
        const release = await take();
        expect(api.lease).toBeUndefined();
        api.namespace = true;
        await expect.poll(held).toBe(holder());
        await release();
    });

    it("that somebody else has taken over meanwhile is told of, and left to them", async () => {
        const release = await take();
        api.lease = others("anna on a-laptop, process 7");
        await expect.poll(() => lost).toEqual([expect.stringContaining("anna on a-laptop")]);
        await release();
        expect(held()).toContain("anna");
    });

    it("is not taken in a namespace that is not the stack's: nothing is written there", async () => {
        api.owner = "understudy.other";
        const release = await take();
        await sleep(100);
        expect(api.lease).toBeUndefined();
        await release();
        api.lease = others("anna on a-laptop, process 7");
        const before = structuredClone(api.lease);
        await (await take())();
        expect(api.lease).toEqual(before);
    });

    it("that somebody else has taken over since the last renewal is not removed", async () => {
        const release = await take();
        api.lease = others("anna on a-laptop, process 7");
        await release();
        expect(held()).toContain("anna");
    });

    it("that the cluster does not let anybody have refuses the run; a cluster that does not answer is the preflight's matter", async () => {
        api.allows = false;
        await expect(take()).rejects.toThrow(
            /namespace replica cannot be taken: let whoever changes the replica get, create/,
        );
        api.close();
        await (await take())();
        process.env.KUBECONFIG = "/nowhere";
        await (await take())();
        api = await startLeaseApi();
    });
});

describe("who holds a lease", () => {
    it("is the one whom a CI server names, or the machine's user", () => {
        const end = ` on ${hostname()}, process ${process.pid}`;
        const github = { GITHUB_ACTOR: "anna", GITHUB_RUN_ID: "7", GITHUB_REPOSITORY: "shop/stacks" };
        expect(holder(github)).toBe(`anna in run 7 of shop/stacks${end}`);
        const gitlab = { GITLAB_CI: "true", GITLAB_USER_LOGIN: "anna", CI_JOB_ID: "8", CI_PROJECT_PATH: "shop/stacks" };
        expect(holder(gitlab)).toBe(`anna in job 8 of shop/stacks${end}`);
        expect(holder({ JENKINS_URL: "x", JOB_NAME: "refresh", BUILD_NUMBER: "9" })).toBe(`job refresh 9${end}`);
        expect(holder({})).toMatch(/^\S+ on /);
    });

    it("keeps others away until it ends, and never itself", () => {
        const now = Date.parse("2026-11-20T05:00:00Z");
        const lease = {
            holder: "anna on a-laptop, process 7",
            since: "2026-11-20T04:00:00Z",
            renewed: "2026-11-20T04:59:40Z",
        };
        expect(isInTheWay(lease, now)).toBe(true);
        expect(isInTheWay(lease, now + 10_001)).toBe(false);
        expect(isInTheWay({ ...lease, holder: holder() }, now)).toBe(false);
        expect(isInTheWay({ ...lease, holder: `anna on ${hostname()}, process ${process.ppid}` }, now)).toBe(true);
        expect(leaseObjection("replica", lease)).toContain("since 04:00:00 UTC");
        expect(leaseObjection("replica", lease)).toContain("its lease ends by itself at 05:00:10 UTC.");
    });

    it("is among the refusals of an update, before its stack file is written to", () => {
        const time = new Date().toISOString();
        const lease = { holder: "anna on a-laptop, process 7", since: time, renewed: time };
        expect(refusals(demo, "understudy/demo", { lease }).join()).toContain("is being changed by anna");
        expect(refusals(demo, "understudy/demo", {}).join()).not.toContain("being changed");
    });
});

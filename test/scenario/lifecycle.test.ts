import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStage, type Stage } from "./stage";

/** How a replica ends that nobody extends, step by step; each sees the replica as the former one left it. */
describe("a replica whose copy expires", () => {
    let stage: Stage;
    let before: Awaited<ReturnType<Stage["digest"]>>;
    const lifecycle = { expires: "1s", action: "suspend", notice: "1s" };

    beforeAll(async () => {
        stage = await openStage();
        const { status, output } = await stage.up({ lifecycle });
        expect(status, output).toBe(0);
        before = await stage.digest();
    });

    afterAll(async () => {
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
    });

    async function well(...args: string[]): Promise<string> {
        const { status, output } = await stage.command(...args);
        expect(status, output).toBe(0);
        return output;
    }

    /** Pods that do not run to an end. */
    async function servers(): Promise<string[]> {
        const { items } = await stage.core.listNamespacedPod({ namespace: stage.namespace });
        return items
            .filter(({ metadata }) => metadata?.ownerReferences?.[0]?.kind !== "Job")
            .map(({ metadata }) => metadata?.name ?? "");
    }

    it("1. is flagged, and goes on (S1-11)", async () => {
        expect(await well("ttl", "scenario")).toMatch(/^scenario has expired \S+; from \S+ on it is suspended$/m);
        expect(await well("status", "scenario")).toMatch(/^lifecycle +has expired /m);
        expect(await well("status", "--all")).toMatch(/^ +has expired /m);
        expect(await stage.digest()).toEqual(before);
    });

    it("2. is suspended when its notice has passed: nothing runs, its volumes stay, and no other copy is made", async () => {
        expect(await well("ttl", "scenario")).toMatch(/^scenario has expired \S+, and was flagged /m);
        expect(await servers()).toEqual([]);
        const { items } = await stage.core.listNamespacedPersistentVolumeClaim({ namespace: stage.namespace });
        expect(items.map(({ metadata }) => metadata?.name)).toEqual(expect.arrayContaining(["database", "media"]));
        expect(await stage.stackFile()).toMatch(/^ +suspended: true$/m);
        const status = await well("status", "scenario");
        expect(status).toMatch(/^suspended +its volumes are kept: understudy extend scenario 7d wakes it$/m);
        expect(status).toMatch(/^database +generation [0-9a-f]{10}, from backup /m);
        expect(
            (await stage.up({ lifecycle: { ...lifecycle, suspended: true }, "database.refresh": "900" })).output,
        ).toMatch(/The replica is suspended, and another copy needs its server/);
        await stage.up({ lifecycle: { ...lifecycle, suspended: true } });
    });

    it("3. is left alone from then on", async () => {
        expect(await well("ttl", "scenario")).toMatch(/^scenario has expired \S+; it is suspended$/m);
    });

    it("4. is awake with all that it had when somebody extends it", async () => {
        const past = await stage.command("extend", "scenario", "2020-01-01");
        expect(past.output).toContain("2020-01-01 is over");
        expect(past.status).toBe(1);
        expect(await well("extend", "scenario", "1h", "--reason", "the demo")).toMatch(
            /^scenario may be used until \S+, for another 1 h; extended by .*: the demo$/m,
        );
        const now = await stage.digest();
        expect([now.rows, now.media]).toEqual([before.rows, before.media]);
        expect(await stage.stackFile()).toMatch(/^ +suspended: false$/m);
        expect(await well("ttl", "scenario")).toMatch(/^scenario expires \S+, in /m);
    });

    it("5. is wiped where its stack file says so, after a flag of its own", async () => {
        const { status, output } = await stage.up({ lifecycle: { ...lifecycle, action: "wipe" } });
        expect(status, output).toBe(0);
        const until = Date.now() + 90_000;
        await well("extend", "scenario", new Date(until).toISOString());
        await sleep(until - Date.now());
        expect(await well("ttl", "scenario")).toMatch(/from \S+ on it is wiped$/m);
        expect(await servers()).not.toEqual([]);
        expect(await well("ttl", "scenario")).toMatch(/and was flagged /);
        expect(await servers()).toEqual([]);
        expect(await well("ttl", "scenario")).toContain("does not expire: no copy is live");
    });

    it("6. can be made of nothing, proven and taken away again, and how long that took is kept", async () => {
        expect(await well("drill", "scenario")).toMatch(
            /^Backup \S+ \(.* old\) can be restored: [\d,]+ rows, .*, restored and proven in .*\. It is the first\.$/m,
        );
        expect(await servers()).toEqual([]);
    });
});

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { serverSettings } from "../../contract";
import { digestProduction } from "../../demo/digest";
import { productionActivity, replicateMedia, takeBackup } from "../../demo/production";
import { run } from "../../dev/command";
import { type Ended, forgetWorkspace } from "../../dev/workspace";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

/** One replica's life, step by step: each goes on from where the one before it ended. */
describe("a replica", () => {
    let stage: Stage;
    const facts: Record<string, string> = {};
    const live = () =>
        stage.sql(stage.namespace, "postgres", "select id from understudy.generation where state = 'live'");
    const databases = () =>
        stage.sql(
            stage.namespace,
            "postgres",
            "select datname from pg_database where datname like 'catalogue%' order by 1",
        );
    /** Jobs of a command, of all commands if none is named. */
    const phase = async (command = "") => {
        const { BatchV1Api } = await import("@kubernetes/client-node");
        const { items } = await stage.config
            .makeApiClient(BatchV1Api)
            .listNamespacedJob({ namespace: stage.namespace });
        return items.filter(({ metadata }) => metadata?.name?.startsWith(command));
    };
    const jobs = async () => (await phase()).map(({ metadata }) => `${metadata?.name} ${metadata?.uid}`).sort();
    /** When the Jobs of these commands were complete. */
    const ends = async (...commands: string[]) => {
        const all = await Promise.all(commands.map(phase));
        return all.flat().map(({ status }) => Number(status?.completionTime));
    };
    /** Claims on production's stores. */
    const sources = async () => {
        const { items } = await stage.core.listNamespacedPersistentVolumeClaim({ namespace: stage.namespace });
        const names = items.map(({ metadata }) => `${metadata?.name} ${metadata?.uid}`);
        return names.filter((name) => name.startsWith("source-")).sort();
    };
    const well = async (running: ReturnType<Stage["up"]>) => {
        const { status, output } = await running;
        expect(status, output).toBe(0);
        return output;
    };

    beforeAll(async () => {
        stage = await openStage();
        await removed(stage);
    });

    it("1. stands up from nothing, and production is only read (S0-08)", async () => {
        const before = await digestProduction(stage.cluster);
        const output = await well(stage.up());
        expect(await digestProduction(stage.cluster)).toEqual(before);
        expect(output).toContain(stage.stamp);
        for (const table of ["packages", "sections"]) {
            const query = `select count(*), sum(hashtextextended(t::text, 0)) from ${table} t`;
            expect(await stage.sql(stage.namespace, "catalogue", query)).toBe(
                await stage.sql("production", "catalogue", query),
            );
        }
        expect(await databases()).toBe("catalogue");
        expect(await stage.sql(stage.namespace, "postgres", "show wal_level")).toBe(serverSettings.wal_level);
        facts.first = await live();
    });

    it("2. shows on its page that it is a replica, and whose data it has", async () => {
        const page = await (await fetch(`http://${stage.cluster.address}:30080/`)).text();
        expect(page).toMatch(/replica/i);
        expect(page).toContain("understudy/scenario");
    });

    it("3. is left alone by an up with nothing to do", async () => {
        const before = { jobs: await jobs(), digest: await stage.digest() };
        const output = await well(stage.up());
        expect(output).not.toMatch(/\d+ (created|updated|replaced|deleted)/);
        expect({ jobs: await jobs(), digest: await stage.digest() }).toEqual(before);
    });

    it("4. takes a newer backup when the database is refreshed, and keeps its media (S0-02)", async () => {
        facts.summary = `changed in production at ${new Date().toISOString()}`;
        const change = `update packages set summary = '${facts.summary}' where id = 1`;
        await stage.sql("production", "catalogue", change);
        const before = await stage.digest();
        const copies = (await jobs()).filter((name) => name.startsWith("prepare-media"));
        const stamp = await takeBackup(stage.cluster);
        const output = await well(stage.up({ "database.refresh": "2" }));
        expect(output).toContain(stamp);
        expect((await jobs()).filter((name) => name.startsWith("prepare-media"))).toEqual(copies);
        const after = await stage.digest();
        expect(after.media).toBe(before.media);
        expect(after.rows).not.toBe(before.rows);
        expect(await stage.sql(stage.namespace, "catalogue", "select summary from packages where id = 1")).toBe(
            facts.summary,
        );
        expect(await databases()).toBe(`catalogue\ncatalogue__${facts.first}`);
    });

    it("5. takes both when both are refreshed, while production is being used (S0-01, S0-11)", async () => {
        const former = await live();
        await stage.execute(stage.namespace, "app.kubernetes.io/name=application", ["touch", "/srv/media/only-here"]);
        const activity = await productionActivity(stage.cluster);
        try {
            await replicateMedia(stage.cluster);
            await takeBackup(stage.cluster);
            await well(stage.up({ "database.refresh": "3", "media.refresh": "2" }));
        } finally {
            await activity.stop();
        }
        const [pod] = await stage.pods("app.kubernetes.io/name=application");
        const variables = Object.fromEntries(
            pod?.spec?.containers[0]?.env?.map(({ name, value }) => [name, value]) ?? [],
        );
        expect(variables.UNDERSTUDY_DATABASE_GENERATION).toBe(await live());
        facts.third = await live();

        const [prepared, switched] = [await ends("prepare-database", "prepare-media"), await ends("switch")];
        const begun = (await phase("switch")).map(({ metadata }) => Number(metadata?.creationTimestamp));
        expect(Math.max(...prepared)).toBeLessThanOrEqual(Math.min(...begun));
        expect(Math.max(...switched)).toBeLessThanOrEqual(Number(pod?.metadata?.creationTimestamp));
        const mayConnect = (role: string) =>
            `select has_database_privilege('catalogue__${role}', 'catalogue', 'connect')`;
        expect(await stage.sql(stage.namespace, "postgres", mayConnect(former))).toBe("f");
        expect(await stage.sql(stage.namespace, "postgres", mayConnect(facts.third))).toBe("t");
        const extra = ["sh", "-c", "ls /srv/media | grep -c only-here || true"];
        expect(await stage.execute(stage.namespace, "app.kubernetes.io/name=application", extra)).toBe("0");
    });

    it("6. goes back to the former copy when the setting does, without another restore", async () => {
        const second = (await databases()).split("__")[1];
        const output = await well(stage.up({ "database.refresh": "2", "media.refresh": "2" }));
        expect(output).toMatch(/already there/);
        expect(await live()).toBe(second);
        expect(await stage.sql(stage.namespace, "catalogue", "select summary from packages where id = 1")).toBe(
            facts.summary,
        );
    });

    it("7. is not touched by a refresh that fails, and converges when the setting is corrected (S0-08, S0-16)", async () => {
        const before = await stage.digest();
        const { status, output } = await stage.up({
            "database.backup": "2020-01-01T00:00:00Z",
            "media.refresh": "2",
        });
        expect(status).not.toBe(0);
        expect(output).toMatch(/2020-01-01T00:00:00Z/);
        expect(await stage.digest()).toEqual(before);
        await well(stage.up({ "database.refresh": "4", "media.refresh": "2" }));
        expect((await stage.digest()).media).toBe(before.media);
        expect(await live()).not.toBe(facts.third);
    });

    it("8. keeps serving when a restore is killed half-way, and converges afterwards", async () => {
        const before = await stage.digest();
        const changes = { "database.refresh": "5", "media.refresh": "2" };
        const running = stage.up(changes);
        await kill(stage, "prepare-database", running, async () => (await databases()).split("\n").length > 2);
        expect((await running).status).not.toBe(0);
        expect(await stage.digest()).toEqual(before);
        await well(stage.up(changes));
        expect((await databases()).split("\n")).toHaveLength(2);
    });

    it("9. has exactly one live copy whenever the switch is killed, and converges afterwards", async () => {
        let changes = {};
        for (const delay of [0, 400]) {
            changes = { "database.refresh": `killed after ${delay} ms`, "media.refresh": "2" };
            const running = stage.up(changes);
            await kill(stage, "switch", running, () => sleep(delay, true));
            await running;
            expect(await stage.sql(stage.namespace, "catalogue", "select count(*) > 0 from packages")).toBe("t");
            expect((await live()).split("\n")).toHaveLength(1);
        }
        await well(stage.up(changes));
        const { status } = await fetch(`http://${stage.cluster.address}:30080/health`);
        expect(status).toBe(200);
    });

    it("10. takes another store in the place of the former, and goes back from one that fails", async () => {
        const moved = await mkdtemp(path.join(path.dirname(lane.stores), "understudy-moved-"));
        const elsewhere = (name: string) => ({
            "source.database": { hostPath: path.join(moved, name, "database") },
            "source.media": { hostPath: path.join(moved, name, "media") },
        });
        try {
            await run("cp", ["-a", `${lane.stores}/.`, path.join(moved, "good")]);
            await mkdir(path.join(moved, "empty", "database"), { recursive: true });
            await mkdir(path.join(moved, "empty", "media"), { recursive: true });
            const first = await sources();
            await well(stage.up(elsewhere("good")));
            const second = await sources();
            expect(second).toHaveLength(2);
            expect(second).not.toEqual(first);
            const before = await stage.digest();

            const { status, output } = await stage.up(elsewhere("empty"));
            expect(status, output).not.toBe(0);
            expect(output).toMatch(/hourly/);
            const { rows, media } = await stage.digest();
            expect({ rows, media }).toEqual({ rows: before.rows, media: before.media });

            await well(stage.up(elsewhere("good")));
            expect(await stage.digest()).toEqual(before);
            expect(await sources()).toEqual(second);
        } finally {
            await rm(moved, { recursive: true });
        }
    });
});

/** Removes what an earlier run has left: this replica starts from nothing. */
async function removed({ core, namespace }: Stage): Promise<void> {
    await forgetWorkspace(lane.workspace);
    await core.deleteNamespace({ name: namespace }).catch(() => undefined);
    await core.deleteCollectionPersistentVolume({ labelSelector: "understudy/stack=understudy.scenario" });
    for (;;) {
        try {
            await core.readNamespace({ name: namespace });
        } catch {
            return;
        }
        await sleep(250);
    }
}

/** Kills a Job's pod, as a node that fails would, once it is there and its work has come as far as is asked. */
async function kill(
    stage: Stage,
    component: string,
    running: Promise<Ended>,
    farEnough: () => Promise<boolean>,
): Promise<void> {
    let ended = false;
    running.then(() => {
        ended = true;
    });
    while (!ended) {
        const pods = await stage.pods(`app.kubernetes.io/name=${component}`);
        const name = pods.find(({ status }) => ["Pending", "Running"].includes(status?.phase ?? ""))?.metadata?.name;
        if (name !== undefined && (await farEnough())) {
            const pod = { name, namespace: stage.namespace, gracePeriodSeconds: 0 };
            await stage.core.deleteNamespacedPod(pod).catch(() => undefined);
            return;
        }
        await sleep(20);
    }
}

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { beforeAll, describe, expect, it } from "vitest";
import { buildImage, loadImages, poolerImage, redisImage } from "../../dev/cluster/images";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

/** An application with everything that belongs to one, step by step. */
describe("an application with workers, a queue and random values", () => {
    let stage: Stage;
    const copy = `for the application, ${new Date().toISOString()}`;
    // The demo's image has no worker of its own: these only stay, so that their pods can be looked at.
    const stay = ["node", "-e", "setInterval(() => {}, 1000)"];
    const settings = {
        "database.refresh": copy,
        "media.refresh": copy,
        "application.workload": "StatefulSet",
        "application.workers": {
            worker: { command: stay, replicas: 2 },
            beat: { command: stay, single: true, media: false },
        },
        "application.redis": {},
        "application.pooler": { minPoolSize: 2, maxConnections: 4 },
        "application.secrets": ["SESSION_KEY"],
        "application.aliases": { queue: "redis", "db.example.org": "pooler" },
        "application.ingress": { host: "replica.example.org", issuer: "staging" },
        "application.warning": "This is a copy <of> production.",
        "application.seeAlso": "https://example.org/staging",
    };
    const names = ["application", "beat", "pooler", "redis", "worker"];
    const pods = async () => {
        const { items } = await stage.core.listNamespacedPod({
            namespace: stage.namespace,
            labelSelector: `app.kubernetes.io/name in (${names.join(", ")})`,
        });
        return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    };
    const of = (all: V1Pod[], name: string) =>
        all.filter(({ metadata }) => metadata?.labels?.["app.kubernetes.io/name"] === name);
    const uids = (all: V1Pod[]) => all.map(({ metadata }) => metadata?.uid).sort();
    const jobs = async () => uids(await stage.pods("batch.kubernetes.io/job-name"));
    const value = () =>
        stage.execute(stage.namespace, "app.kubernetes.io/name=worker", ["node", "-p", "process.env.SESSION_KEY"]);
    const redis = (...args: string[]) =>
        stage.execute(stage.namespace, "app.kubernetes.io/name=redis", ["redis-cli", ...args]);
    const well = async (changes: Record<string, unknown>) => {
        const { status, output } = await stage.up({ ...settings, ...changes });
        expect(status, output).toBe(0);
    };
    const facts: Record<string, string> = {};
    /** Status of the first picture of the first page. */
    const picture = async () => {
        const base = `http://${stage.cluster.address}:30080/`;
        const [, path] = /<img[^>]* src="([^"]+)"/.exec(await (await fetch(base)).text()) ?? [];
        return (await fetch(new URL(path ?? "", base))).status;
    };
    /** Production's store of media, as text that is equal for equal content. */
    const files = async () => {
        const entries = await readdir(`${lane.stores}/media`, { recursive: true, withFileTypes: true });
        return entries
            .map((entry) => join(entry.parentPath, entry.name))
            .sort()
            .join("\n");
    };

    beforeAll(async () => {
        stage = await openStage();
        await loadImages(stage.cluster, [await buildImage(redisImage()), await buildImage(poolerImage())]);
        const { status, output } = await stage.wipe({});
        expect(status, output).toBe(0);
    });

    it("1. stands up, every part of it on the same copies, and names that it is used to are its own (S1-06)", async () => {
        await well({});
        const all = await pods();
        expect(names.map((name) => of(all, name).length)).toEqual([1, 1, 1, 1, 2]);
        const generations = all.map(({ metadata }) => metadata?.annotations?.["understudy/database-generation"]);
        expect(new Set(generations).size).toBe(1);
        const page = await (await fetch(`http://${stage.cluster.address}:30080/`)).text();
        expect(page).toContain("This is a copy &lt;of&gt; production.");
        // The page was made of what came through the pooler.
        const [pooler] = of(all, "pooler");
        const clients = "select distinct host(client_addr) from pg_stat_activity where usename like 'catalogue\\_\\_%'";
        expect(await stage.sql(stage.namespace, "postgres", clients)).toBe(pooler?.status?.podIP);
        const query = [
            "node",
            "-p",
            "require('net').connect(6379, process.env.REDIS_HOST).on('connect', () => process.exit(0))",
        ];
        await stage.execute(stage.namespace, "app.kubernetes.io/name=worker", query);
        const { items: services } = await stage.core.listNamespacedService({ namespace: stage.namespace });
        for (const name of ["queue", "db.example.org"]) {
            const lookup = `dns.promises.lookup('${name}').then(({ address }) => console.log(address))`;
            const answer = await stage.execute(stage.namespace, "app.kubernetes.io/name=worker", [
                "node",
                "-e",
                lookup,
            ]);
            expect(services.map(({ spec }) => spec?.clusterIP)).toContain(answer);
        }
        facts.value = await value();
        expect(facts.value).toMatch(/^[\w-]{43}$/);
        expect(await redis("set", "queued", "work")).toBe("OK");
    });

    it("2. is left alone by an up with nothing to do", async () => {
        const before = { pods: uids(await pods()), jobs: await jobs() };
        await well({});
        expect({ pods: uids(await pods()), jobs: await jobs() }).toEqual(before);
    });

    it("3. is replaced with the data; its random values stay, and what was queued is gone", async () => {
        const before = await pods();
        await well({ "database.refresh": `${copy}, again` });
        const after = await pods();
        for (const name of names) {
            expect(uids(of(after, name)), name).not.toEqual(uids(of(before, name)));
        }
        expect(await value()).toBe(facts.value);
        expect(await redis("exists", "queued")).toBe("0");
    });

    it("4. is restarted under the same tag when asked, and no data is touched", async () => {
        const before = { pods: await pods(), jobs: await jobs() };
        await well({ "database.refresh": `${copy}, again`, "application.restart": "2" });
        const after = await pods();
        for (const name of ["application", "worker", "beat"]) {
            expect(uids(of(after, name)), name).not.toEqual(uids(of(before.pods, name)));
        }
        expect(uids(of(after, "redis"))).toEqual(uids(of(before.pods, "redis")));
        expect(await jobs()).toEqual(before.jobs);
        expect(await value()).toBe(facts.value);
    });

    it("5. gives up its workers and its queue, and reads production's own media in the place of a copy, but cannot write to them (S1-16)", async () => {
        const before = await files();
        const shared = { "database.refresh": `${copy}, again`, media: { mode: "share-read-only", minimumFiles: 500 } };
        const preview = await stage.preview(shared);
        expect(preview.output).toMatch(/^media +production's own, read where they are and never written to$/m);
        const { status, output } = await stage.up(shared);
        expect(status, output).toBe(0);
        expect(output).toMatch(/^media +production's own, read where they are$/m);
        const all = await pods();
        expect(names.map((name) => of(all, name).length)).toEqual([1, 0, 0, 0, 0]);
        const { status: answer } = await fetch(`http://${stage.cluster.address}:30080/health`);
        expect(answer).toBe(200);
        expect(await picture()).toBe(200);
        const write = ["node", "-e", "fs.writeFileSync('/srv/media/icons/new', '')"];
        await expect(stage.execute(stage.namespace, "app.kubernetes.io/name=application", write)).rejects.toThrow(
            /EROFS: read-only file system/,
        );
        expect(await files()).toBe(before);
        const told = await stage.command("status", "scenario");
        expect(told.output).toMatch(/^media +production's own, read-only, from \S+/m);
    });

    it("6. goes back to the copy of the media, which is still there; masks the next one of the database, and runs SQL of its own on it", async () => {
        const secret = { metadata: { name: "words" }, stringData: { word: "s3cret" } };
        await stage.core.createNamespacedSecret({ namespace: stage.namespace, body: secret });
        const made =
            "create table of_hooks as select current_setting('understudy.word') as word, current_user::text as name";
        const settings = {
            "database.refresh": `${copy}, with hooks`,
            "media.refresh": copy,
            hooks: {
                afterRestore: [{ sql: made }],
                afterStart: [{ sql: "insert into of_hooks values ('started', current_user)" }],
                secrets: { word: { secret: "words", key: "word" } },
            },
            masking: { file: "test/scenario/masking.yaml" },
        };
        const { status, output } = await stage.up(settings);
        expect(status, output).toBe(0);
        expect(output).toMatch(/of the media is already there: nothing to do/);
        expect(await picture()).toBe(200);
        // With a value out of a Secret, and once when the application answers.
        expect(output).toMatch(/1 hook run \(afterStart\), 1 row\./);
        expect(output).toMatch(/^masked +1 column of people's data$/m);
        expect(output).not.toContain("s3cret");
        expect((await stage.up(settings)).output).not.toMatch(/hook run/);
        const titles = "select bool_and(title ~ '^[0-9a-f]{32}$') from sections";
        expect(await stage.sql(stage.namespace, "catalogue", titles)).toBe("t");
        const rows = 'select word, name from of_hooks order by word collate "C"';
        expect(await stage.sql(stage.namespace, "catalogue", rows)).toBe(
            "s3cret|catalogue_owner\nstarted|catalogue_owner",
        );
    });

    it("7. has files that are whose they are in production, as soon as the namespace lets the agent give them away", async () => {
        const settings = {
            "database.refresh": `${copy}, with owners`,
            "media.refresh": `${copy}, with owners`,
            "target.podSecurity": "baseline",
            "media.owners": "production",
        };
        const { status, output } = await stage.up(settings);
        expect(status, output).toBe(0);
        expect(await picture()).toBe(200);
        const told = await stage.command("status", "scenario");
        expect(told.output).toMatch(/^ *owners +production's, and its permissions;/m);
        const owner = ["node", "-p", "const it = fs.statSync('/srv/media/icons'); [it.uid, it.gid].join(':')"];
        const { uid, gid } = await stat(`${lane.stores}/media/icons`);
        expect(await stage.execute(stage.namespace, "app.kubernetes.io/name=application", owner)).toBe(`${uid}:${gid}`);
    });
});

import { chown, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import yaml from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeFiles } from "../../contract/files";
import { production, runPublisher } from "../../demo/production";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

const { namespace } = production;
/** Claims of production's side, and their folders on the node. */
const claims = {
    published: path.join(lane.stores, "published"),
    "published-media": path.join(lane.stores, "published-media"),
};
const { published: folder, "published-media": media } = claims;

/** User and group of the publisher. */
const publisher = 10001;

/** A day that hardly comes: backups are made when the test asks for one, and at no other moment. */
const never = "0 0 29 2 *";

/** Production's own side: it publishes backups and media on claims of its own, and a replica is refreshed from them. */
describe("production that publishes its backups and its media", () => {
    let stage: Stage;
    const copy = `published, ${new Date().toISOString()}`;
    const settings = {
        "source.database": { hostPath: folder },
        "source.media": { hostPath: media },
        "media.sentinel": storeFiles,
        "database.refresh": copy,
        "media.refresh": copy,
    };
    const well = async (...args: string[]) => {
        const { status, output } = await stage.command(...args);
        expect(status, output).toBe(0);
        return output;
    };
    const catalogue = async () => {
        const { data } = await stage.core.readNamespacedConfigMap({ name: "understudy-catalogue", namespace });
        const lines = (data?.["catalogue.jsonl"] ?? "").split("\n").filter((line) => line !== "");
        return lines.map((line) => JSON.parse(line) as { stamp: string; subject: string; imageTag: string });
    };

    beforeAll(async () => {
        stage = await openStage();
        for (const [claim, at] of Object.entries(claims)) {
            await rm(at, { recursive: true, force: true });
            await mkdir(at, { recursive: true });
            await chown(at, publisher, publisher);
            await makeClaim(stage, claim, at);
        }
        const before = await stage.up({ "database.refresh": copy, "media.refresh": copy });
        expect(before.status, before.output).toBe(0);
    });
    afterAll(() => removeClaims(stage));

    it("1. gets schedules in its namespace, which stays what it was otherwise (S0-09)", async () => {
        const before = await stage.core.readNamespace({ name: namespace });
        await stage.stackFile(stackFile(stage), "production");
        await well("up", "production");
        const { metadata } = await stage.core.readNamespace({ name: namespace });
        expect([metadata?.uid, metadata?.labels]).toEqual([before.metadata?.uid, before.metadata?.labels]);
        const { BatchV1Api } = await import("@kubernetes/client-node");
        const { items } = await stage.config.makeApiClient(BatchV1Api).listNamespacedCronJob({ namespace });
        const ours = items.filter(({ metadata }) => metadata?.name?.startsWith("understudy-"));
        expect(
            ours.map(({ metadata, spec }) => [metadata?.name, spec?.schedule, spec?.concurrencyPolicy]).sort(),
        ).toEqual([
            ["understudy-publish", never, "Forbid"],
            ["understudy-publish-media", never, "Forbid"],
            ["understudy-verify-media", never, "Forbid"],
            ["understudy-verify-store", never, "Forbid"],
        ]);
        expect(await catalogue()).toEqual([]);
    });

    it("2. publishes both databases under one stamp, and tells the cluster of them", async () => {
        expect(await runPublisher(stage.cluster, "publish")).toMatch(/The catalogue lists \d+ backups\.$/);
        const [one, other] = await catalogue();
        expect([one?.subject, other?.subject]).toEqual(["audit", "catalogue"]);
        expect(one?.stamp).toBe(other?.stamp);
        expect(one?.imageTag).toBe("1.0");
        expect(await runPublisher(stage.cluster, "verify-store")).toMatch(/are as they were made/);
    });

    it("3. publishes its media, which another run finds unchanged, and reads them again", async () => {
        expect(await runPublisher(stage.cluster, "publish-media")).toMatch(
            / holds what production has, [\d,]+ files, /,
        );
        expect(await runPublisher(stage.cluster, "publish-media")).toMatch(/: nothing to do\.$/);
        expect(await runPublisher(stage.cluster, "verify-media")).toMatch(
            /^All [\d,]+ files .* as they were published/,
        );
    });

    it("4. shows in a preview which backup a replica would get, and the replica gets it", async () => {
        const [{ stamp } = { stamp: "" }] = await catalogue();
        const preview = await stage.preview(settings);
        expect(preview.output.match(new RegExp(`backup +${stamp} .*made under tag 1\\.0$`, "gm"))).toHaveLength(1);
        expect(preview.output).toMatch(/^takes +about .*; the last took /m);
        expect(preview.output).toMatch(/^tables +\S/m);
        expect(preview.output).toMatch(/^holds +[\d,]+ files, .*, published .* ago$/m);
        const { status, output } = await stage.up(settings);
        expect(status, output).toBe(0);
        expect(output).toContain(stamp);
        const { data } = await stage.core.readNamespacedConfigMap({
            name: "understudy-report",
            namespace: stage.namespace,
        });
        const report = JSON.parse(data?.["report.json"] ?? "");
        expect(report.media.report.proof.join()).toMatch(/SHA-256/);
        expect(report.references).toMatchObject({ missing: 0 });
        const query = "select count(*), sum(hashtextextended(t::text, 0)) from packages t";
        expect(await stage.sql(stage.namespace, "catalogue", query)).toBe(
            await stage.sql(namespace, "catalogue", query),
        );
    });

    it("5. shows in a preview that another copy would be the same, and refuses a stamp that was never published", async () => {
        const before = await stage.digest();
        const again = await stage.preview({ ...settings, "database.refresh": "once more" });
        expect(again.output).toMatch(/^tables +\d+ tables with /m);
        const { status, output } = await stage.preview({ ...settings, "database.backup": "2020-01-01T00:00:00Z" });
        expect(status).not.toBe(0);
        expect(output).toMatch(/has no hourly backup of database catalogue with stamp 2020-01-01T00:00:00Z/);
        expect(await stage.digest()).toEqual(before);
    });

    it("6. shows in a preview how many files of the copy production no longer has", async () => {
        const again = () => stage.preview({ ...settings, "media.refresh": "once more" });
        expect((await again()).output).toMatch(/^since then 0 files came or changed, none has gone$/m);
        const inProduction = (script: string) => stage.execute(namespace, "app=catalogue", ["sh", "-ec", script]);
        const [icon] = (await inProduction("ls /media/icons")).split("\n");
        await inProduction(`mv /media/icons/${icon} /media/renamed`);
        expect(await runPublisher(stage.cluster, "publish-media")).toMatch(/: 1 file brought and 1 file removed /);
        expect((await again()).output).toMatch(
            /^since then 1 file came or changed, 1 has gone: at most 1 % of the copy's [\d,]+ files, and media\.maximumDeletions is 20 %$/m,
        );
        const stays = await stage.preview(settings);
        expect(stays.output).toMatch(/^newer +media published .* ago: 1 file came or changed, 1 has gone$/m);
        await inProduction(`mv /media/renamed /media/icons/${icon}`);
    });

    it("7. lets no replica have it under another tag than its own", async () => {
        const before = await stage.digest();
        const { status, output } = await stage.up({
            ...settings,
            imageTag: production.candidate,
            "database.refresh": "again",
        });
        expect(status).not.toBe(0);
        expect(output).toMatch(/under tag 1\.1-rc1, but production ran 1\.0 when backup .* was made/);
        expect(await stage.digest()).toEqual(before);
    });

    it("8. notices a backup that has rotted, and no replica gets it", async () => {
        const before = await stage.digest();
        const file = await largestFile(path.join(folder, "hourly"));
        await flip(file);
        await expect(runPublisher(stage.cluster, "verify-store")).rejects.toThrow(/differs/);
        const { status, output } = await stage.up({ ...settings, "database.refresh": "of what has rotted" });
        expect(status, output).not.toBe(0);
        expect(await stage.digest()).toEqual(before);
    });

    it("9. notices a file that has rotted, which no replica gets, and brings it again", async () => {
        const before = await stage.digest();
        const file = await largestFile(path.join(media, "icons"));
        await flip(file);
        await expect(runPublisher(stage.cluster, "verify-media")).rejects.toThrow(/icons.* differs.*look at the disk/);
        const rotten = { ...settings, "media.refresh": "of what has rotted", "media.sharing": "copy" };
        const { status, output } = await stage.up(rotten);
        expect(status, output).not.toBe(0);
        expect(output).toMatch(/icons/);
        expect(await stage.digest()).toEqual(before);
        expect(await runPublisher(stage.cluster, "publish-media")).toMatch(/: 2 files brought and 1 file removed /);
        expect(await runPublisher(stage.cluster, "verify-media")).toMatch(/^All /);
        const mended = await stage.up(rotten);
        expect(mended.status, mended.output).toBe(0);
    });

    it("10. is left as it was, with its backups and media, when its side is wiped", async () => {
        const published = await readdir(path.join(folder, "hourly"));
        await well("wipe", "production", "--yes");
        await expect(catalogue()).rejects.toMatchObject({ code: 404 });
        expect(await readdir(path.join(folder, "hourly"))).toEqual(published);
        expect(await readdir(media)).toContain(storeFiles);
        await stage.core.readNamespace({ name: namespace });
    });
});

function stackFile({ cluster }: Stage): string {
    const settings = {
        role: "source",
        source: { context: cluster.context, namespace, workload: { name: production.application.name } },
        database: {
            host: "database",
            passwordSecret: "database",
            passwordKey: "postgres-password",
            names: production.databases,
        },
        store: { claim: "published" },
        schedule: never,
        verifySchedule: never,
        media: {
            claim: "media",
            store: "published-media",
            minimumFiles: 500,
            schedule: never,
            verifySchedule: never,
        },
    };
    const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`understudy:${key}`, value]));
    return yaml.dump({ config });
}

async function makeClaim({ core }: Stage, name: string, at: string): Promise<void> {
    const common = { accessModes: ["ReadWriteMany"], storageClassName: "" };
    const volume = {
        ...common,
        capacity: { storage: "2Gi" },
        hostPath: { path: at },
        persistentVolumeReclaimPolicy: "Retain",
        claimRef: { namespace, name },
    };
    const claim = { ...common, volumeName: name, resources: { requests: { storage: "2Gi" } } };
    await core.createPersistentVolume({ body: { metadata: { name }, spec: volume } });
    await core.createNamespacedPersistentVolumeClaim({ namespace, body: { metadata: { name }, spec: claim } });
}

async function removeClaims({ core }: Stage): Promise<void> {
    for (const name of Object.keys(claims)) {
        await core.deleteNamespacedPersistentVolumeClaim({ name, namespace });
        await core.deletePersistentVolume({ name });
    }
}

/** Changes a bit of a file, which keeps its size and its times, as a failing disk does. */
async function flip(file: string): Promise<void> {
    const [bytes, { atime, mtime }] = await Promise.all([readFile(file), stat(file)]);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(file, bytes);
    await utimes(file, atime, mtime);
}

async function largestFile(root: string): Promise<string> {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
    const sized = await Promise.all(files.map(async (file) => ({ file, size: (await readFile(file)).length })));
    return sized.sort((a, b) => b.size - a.size)[0]?.file ?? "";
}

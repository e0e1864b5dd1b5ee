/** The demo's production, before any replica: it comes up, stays as it is, is backed up and used. */
import type { CoreV1Api } from "@kubernetes/client-node";
import { beforeAll, describe, expect, test } from "vitest";
import { digestProduction, type ProductionDigest } from "../../demo/digest";
import { demoImage } from "../../demo/image";
import { connect } from "../../demo/kubernetes";
import {
    deployProduction,
    production,
    productionActivity,
    replicateMedia,
    systemIdentifier,
    takeBackup,
} from "../../demo/production";
import { buildImage, loadImages, nodeImage, postgresImage } from "../../dev/cluster/images";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { lane } from "./lane";

describe("the demo's production", () => {
    let cluster: Cluster;
    let core: CoreV1Api;
    let before: ProductionDigest;

    beforeAll(async () => {
        cluster = await startCluster(lane.cluster);
        const specs = [postgresImage(), await nodeImage(), await demoImage()];
        const archives: string[] = [];
        for (const spec of specs) archives.push(await buildImage(spec));
        await loadImages(cluster, archives);
        core = (await connect(cluster)).core;
        await deployProduction(cluster, lane.stores);
        await replicateMedia(cluster);
        before = await digestProduction(cluster);
    });

    test("1. its application answers, and is no replica", async () => {
        expect(await page("health")).toMatchObject({ database: "reachable", media: "reachable" });
        const list = await page("");
        expect(list).toContain('data-environment="production"');
        expect(list).toMatch(/6\d,\d{3} packages/);
    });

    test("2. deploying it again changes nothing", async () => {
        await deployProduction(cluster, lane.stores);
        expect(await digestProduction(cluster)).toEqual(before);
        expect(await systemIdentifier(cluster)).toBe(before.systemIdentifier);
    });

    test("3. a backup adds one file for each database and touches nothing else", async () => {
        expect(await takeBackup(cluster)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        const after = await digestProduction(cluster);
        expect(after.files[databaseStore]).not.toBe(before.files[databaseStore]);
        expect({ ...after, files: { ...after.files, [databaseStore]: before.files[databaseStore] } }).toEqual(before);
    });

    test("4. whoever uses it changes rows and media, and the digest sees it", async () => {
        const activity = await productionActivity(cluster);
        try {
            await expect.poll(notes, { timeout: 600_000 }).not.toBe(before.rows.catalogue?.["public.notes"]);
        } finally {
            await activity.stop();
        }
        const after = await digestProduction(cluster);
        for (const table of ["public.packages", "public.uploads"])
            expect(after.rows.catalogue?.[table], table).not.toBe(before.rows.catalogue?.[table]);
        expect(after.rows.audit).not.toEqual(before.rows.audit);
        expect(after.rows.catalogue?.["public.sections"]).toBe(before.rows.catalogue?.["public.sections"]);
        expect(after.files[media]).not.toBe(before.files[media]);
        expect(after.files[mediaStore]).toBe(before.files[mediaStore]);
        expect(after.objects).toEqual(before.objects);
    });

    test("5. the replicator makes the store hold as many files as the volume", async () => {
        await replicateMedia(cluster);
        const { files } = await digestProduction(cluster);
        expect(entries(files[mediaStore])).toBe(entries(files[media]));
    });

    async function notes(): Promise<string | undefined> {
        return (await digestProduction(cluster)).rows.catalogue?.["public.notes"];
    }

    function page(path: string): Promise<unknown> {
        const { namespace, application } = production;
        const name = `${application.name}:${application.port}`;
        return core.connectGetNamespacedServiceProxyWithPath({ name, namespace, path });
    }
});

const media = "/production/media";
const mediaStore = "/production/media-store";
const databaseStore = "/production/database-store";

function entries(digest = ""): string | undefined {
    return digest.split(" ")[0];
}

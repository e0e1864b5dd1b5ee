import { beforeAll, describe, expect, it } from "vitest";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, config, find, job, template } from "./registered";

describe("what a wipe keeps", () => {
    it.each([
        { database: true, media: true, kept: [] },
        { database: true, media: false, kept: ["media-volume-claim", "target-namespace"] },
        { database: false, media: true, kept: ["database-secret", "database-volume-claim", "target-namespace"] },
        {
            database: false,
            media: false,
            kept: ["database-secret", "database-volume-claim", "media-volume-claim", "target-namespace"],
        },
    ])("removes database volume: $database, media volume: $media", async ({ database, media, kept }) => {
        const flags = {
            "understudy:removeDatabaseVolume": String(database),
            "understudy:removeMediaVolume": String(media),
        };
        const run = await runProgram({ config: { ...config, ...flags }, cluster });
        expect(
            run.registrations
                .filter(({ retainOnDelete }) => retainOnDelete)
                .map(({ name }) => name)
                .sort(),
        ).toEqual(kept);
    });
});

describe("another store", () => {
    const storeObjects = async (store: string) => {
        const media = { hostPath: "/exports/media" };
        const source = { namespace: "production", media, database: { hostPath: store } };
        const run = await runProgram({ config: changed("source", source), cluster });
        const objects = run.registrations.filter(({ name }) => /^source-.*-(volume|claim)$/.test(name));
        return objects.map(({ name, inputs }) => [name, (inputs.metadata as { name: string }).name]).sort();
    };

    it("has a volume and a claim of its own, which come up beside those of the former", async () => {
        const [first, second] = await Promise.all([storeObjects("/exports/a"), storeObjects("/exports/b")]);
        const [claim, volume] = [second[0], second[1]] as string[][];
        expect(first).not.toContainEqual(claim);
        expect(first.map(([name]) => name)).not.toContain(volume?.[0]);
        expect(first.map(([, name]) => name)).not.toContain(volume?.[1]);
        expect(first.slice(2)).toEqual(second.slice(2));
    });

    it("is there before a pod is scheduled; the replica's own volumes bind when they are first used", async () => {
        const { registrations } = await runProgram({ config, cluster });
        const claims = registrations.filter(({ type }) => type.endsWith(":PersistentVolumeClaim"));
        const skipping = claims.filter(({ inputs }) => "annotations" in (inputs.metadata as object));
        expect(claims).toHaveLength(4);
        expect(skipping.map(({ name }) => name).sort()).toEqual(["database-volume-claim", "media-volume-claim"]);
    });
});

describe("a store", () => {
    const csi = { driver: "nfs.csi.k8s.io", volumeHandle: "backups", attributes: { server: "nfs.example.org" } };
    const namespace = { metadata: { uid: "uid-of-replica", labels: { "understudy/stack": "understudy.demo" } } };
    const brought = {
        ...cluster,
        "/api/v1/namespaces/replica": namespace,
        "/api/v1/namespaces/replica/persistentvolumeclaims": { items: [{ metadata: { name: "files" } }] },
    };
    let run: Run;
    beforeAll(async () => {
        const source = changed("source", { database: { csi }, media: { claim: "files" } });
        const flags = { "understudy:removeDatabaseVolume": "true", "understudy:removeMediaVolume": "true" };
        run = await runProgram({ config: { ...source, ...flags }, cluster: brought });
    });

    it("of a CSI driver is a volume of the stack's own that the driver may only read", () => {
        expect(run.status).toBe(0);
        expect(find(run, "kubernetes:core/v1:PersistentVolume").inputs.spec).toMatchObject({
            accessModes: ["ReadOnlyMany"],
            persistentVolumeReclaimPolicy: "Retain",
            csi: {
                driver: csi.driver,
                volumeHandle: csi.volumeHandle,
                readOnly: true,
                volumeAttributes: csi.attributes,
            },
        });
    });

    it("that is somebody's claim is mounted read-only and not made", () => {
        const { spec } = template(job(run, "prepare-media"));
        expect(spec.volumes).toContainEqual({
            name: "mediasource",
            persistentVolumeClaim: { claimName: "files", readOnly: true },
        });
        expect(spec.containers[0]?.volumeMounts).toContainEqual(
            expect.objectContaining({ name: "mediasource", readOnly: true }),
        );
        const claims = run.registrations.filter(({ type }) => type.endsWith(":PersistentVolumeClaim"));
        const names = claims.map(({ inputs }) => (inputs.metadata as { name: string }).name);
        expect(names.sort()).toEqual(["database", "media", expect.stringMatching(/^source-database-/)]);
    });

    it("that is somebody's claim stays with its namespace, whatever a wipe removes", () => {
        const kept = run.registrations.filter(({ retainOnDelete }) => retainOnDelete).map(({ name }) => name);
        expect(kept).toEqual(["target-namespace"]);
    });

    it("is not all that stays: no volume of the replica's is replaced for another storage class", () => {
        for (const name of ["database-volume-claim", "media-volume-claim"]) {
            const { ignoreChanges } = find(run, "kubernetes:core/v1:PersistentVolumeClaim", name);
            expect(ignoreChanges).toEqual(["spec.storageClassName"]);
        }
    });
});

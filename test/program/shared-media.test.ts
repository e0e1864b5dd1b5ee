import { beforeAll, describe, expect, it } from "vitest";
import { planSchema } from "../../contract";
import { type Run, runProgram } from "./monitor";
import { cluster, config, find, job, template } from "./registered";

/** What the tests look at of a pod. */
interface Pod {
    containers: { volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[] }[];
    initContainers?: object[];
    volumes: { name: string; persistentVolumeClaim?: { claimName: string; readOnly?: boolean } }[];
    affinity?: object;
}

describe("media that are production's own", () => {
    const media = { mode: "share-read-only", minimumFiles: 500, sentinel: "icons/here" };
    const shared = { ...config, "understudy:media": JSON.stringify(media), "understudy:removeDatabaseVolume": "true" };
    let run: Run;
    beforeAll(async () => {
        run = await runProgram({ config: shared, cluster });
    });
    const podOf = (command: string) => template(job(run, command)).spec as unknown as Pod;
    const claimsOf = ({ volumes }: Pod) => volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim ?? []);

    it("have no volume, and nothing of them is kept", () => {
        const claims = run.registrations.filter(({ type }) => type.endsWith(":PersistentVolumeClaim"));
        expect(claims.map(({ name }) => name).filter((name) => !name.startsWith("source-"))).toEqual([
            "database-volume-claim",
        ]);
        expect(run.registrations.filter(({ retainOnDelete }) => retainOnDelete)).toEqual([]);
    });

    it("are mounted by the application read-only, without a guard that looks for a copy (S1-16)", () => {
        const pod = template(find(run, "kubernetes:apps/v1:Deployment", "application-deployment"))
            .spec as unknown as Pod;
        expect(claimsOf(pod)).toEqual([{ claimName: expect.stringMatching(/^source-media-/), readOnly: true }]);
        const [container] = pod.containers;
        expect(container?.volumeMounts).toContainEqual({ name: "media", mountPath: "/srv/media", readOnly: true });
        expect(pod.initContainers).toBeUndefined();
        expect(pod.affinity).toBeUndefined();
    });

    it("are looked at by one Job, and not seen by the others", () => {
        expect(claimsOf(podOf("prepare-media"))).toEqual([
            { claimName: expect.stringMatching(/^source-media-/), readOnly: true },
        ]);
        for (const command of ["switch", "retire"]) {
            expect(claimsOf(podOf(command)), command).toEqual([]);
        }
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs;
        expect(planSchema.parse(JSON.parse((data as Record<string, string>)["plan.json"] ?? "")).media).toEqual({
            generation: expect.stringMatching(/^[0-9a-f]{10}$/),
            shared: true,
            source: "/source/media",
            minimumFiles: 500,
            sentinel: "icons/here",
        });
    });
});

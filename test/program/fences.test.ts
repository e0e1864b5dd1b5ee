import { describe, expect, it } from "vitest";
import { runProgram } from "./monitor";
import { changed, cluster, find, said } from "./registered";

const namespace = {
    metadata: {
        name: "replica",
        uid: "uid-of-replica",
        labels: { "understudy/stack": "understudy.demo" },
        annotations: {},
    },
};
const own = { ...cluster, "/api/v1/namespaces/replica": namespace };

describe("the program, before anything is registered,", () => {
    const refused = async (known: Record<string, object>) => {
        const run = await runProgram({ config: changed("target", {}), cluster: known });
        expect(run.status).not.toBe(0);
        expect(run.registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
        return said(run, "error");
    };

    it("refuses a claim that leads to production's volume", async () => {
        const volume = (namespace: string, name: string) => ({
            spec: { claimRef: { namespace, name }, csi: { driver: "ebs.csi.aws.com", volumeHandle: "vol-1" } },
        });
        const items = [volume("replica", "database"), volume("production", "data")];
        expect(await refused({ ...own, "/api/v1/persistentvolumes": { items } })).toMatch(
            /claim database of namespace replica leads to volume vol-1 .* \(claim data of namespace production\)/,
        );
    });

    it("refuses an update while somebody else's run holds the lease, and previews it", async () => {
        const acquireTime = "2026-11-20T02:04:01.000000Z";
        const renewTime = new Date(Date.now() + 600_000).toISOString();
        const lease = { spec: { holderIdentity: "anna on a-laptop, process 7", acquireTime, renewTime } };
        const known = { ...own, "/apis/coordination.k8s.io/v1/namespaces/replica/leases/understudy": lease };
        expect(await refused(known)).toMatch(/is being changed by anna on a-laptop, process 7, since 02:04:01 UTC/);
        const preview = await runProgram({ config: changed("target", {}), cluster: known, dryRun: true });
        expect(preview.status).toBe(0);
        expect(said(preview, "info")).toMatch(/in work +anna on a-laptop, process 7 is changing the replica/);
    });
});

it("lets those in whom the stack file names, by the cluster's own roles", async () => {
    const access = { view: ["user:anna", "group:testers"], edit: ["serviceaccount:ci/deployer"] };
    const run = await runProgram({ config: changed("target", { access }), cluster });
    const binding = (name: string) => find(run, "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", name).inputs;
    const apiGroup = "rbac.authorization.k8s.io";
    expect(binding("access-view")).toMatchObject({
        metadata: { name: "understudy-view", namespace: "replica" },
        roleRef: { apiGroup, kind: "ClusterRole", name: "view" },
        subjects: [
            { apiGroup, kind: "User", name: "anna" },
            { apiGroup, kind: "Group", name: "testers" },
        ],
    });
    expect(binding("access-edit")).toMatchObject({
        roleRef: { name: "edit" },
        subjects: [{ kind: "ServiceAccount", namespace: "ci", name: "deployer" }],
    });
    const without = await runProgram({ config: changed("target", {}), cluster });
    expect(without.registrations.filter(({ type }) => type.endsWith(":RoleBinding"))).toEqual([]);
});

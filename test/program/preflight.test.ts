import { describe, expect, it } from "vitest";
import { runProgram } from "./monitor";
import { cluster, config, find } from "./registered";

describe("before anything is registered", () => {
    const refused = async (options: Parameters<typeof runProgram>[0]) => {
        const run = await runProgram(options);
        expect(run.registrations.filter(({ type }) => type !== "pulumi:pulumi:Stack")).toEqual([]);
        expect(run.status).not.toBe(0);
        return run.log.filter(({ severity }) => severity === "error").map(({ message }) => message);
    };
    const namespace = (labels: object, annotations = {}) => ({
        metadata: { name: "replica", uid: "uid-of-replica", labels, annotations },
    });

    it("refuses a namespace that understudy did not make", async () => {
        const known = { ...cluster, "/api/v1/namespaces/replica": namespace({}) };
        expect((await refused({ config, cluster: known })).join()).toMatch(/was not made by understudy/);
    });

    it("refuses another stack's namespace", async () => {
        const known = {
            ...cluster,
            "/api/v1/namespaces/replica": namespace({ "understudy/stack": "understudy.other" }),
        };
        expect((await refused({ config, cluster: known })).join()).toMatch(/belongs to stack understudy.other/);
    });

    it("refuses production's namespace under another name", async () => {
        const twin = {
            metadata: { name: "replica", uid: "uid-of-production", labels: { "understudy/stack": "understudy.demo" } },
        };
        const known = { ...cluster, "/api/v1/namespaces/replica": twin };
        expect((await refused({ config, cluster: known })).join()).toMatch(/is production's .* by its unique id/);
    });

    it("refuses a replica that somebody holds", async () => {
        const labels = { "understudy/stack": "understudy.demo" };
        const held = namespace(labels, { "understudy/hold": "the test team: acceptance until Friday" });
        const known = { ...cluster, "/api/v1/namespaces/replica": held };
        expect((await refused({ config, cluster: known })).join()).toMatch(/held by the test team: acceptance/);
        const set = { ...config, "understudy:hold": "the release team: demo" };
        expect((await refused({ config: set, cluster })).join()).toMatch(/held by the release team: demo/);
    });

    it("refuses to update what it cannot see, and previews it with a word", async () => {
        expect((await refused({ config })).join()).toMatch(
            /cannot read the cluster of context "understudy-demo".*Nothing was changed/,
        );
        const preview = await runProgram({ config, dryRun: true });
        expect(preview.status).toBe(0);
        expect(preview.log).toContainEqual({
            severity: "warning",
            message: expect.stringMatching(/was not checked; an update will refuse/),
        });
        expect(preview.registrations.length).toBeGreaterThan(15);
    });

    it("goes on with a namespace of its own, and with the password that a kept volume expects", async () => {
        const labels = { "understudy/stack": "understudy.demo" };
        const kept = { data: { password: Buffer.from("kept").toString("base64") } };
        const run = await runProgram({
            config,
            cluster: {
                ...cluster,
                "/api/v1/namespaces/replica": namespace(labels),
                "/api/v1/namespaces/replica/secrets/database": kept,
            },
        });
        expect(run.status).toBe(0);
        expect(find(run, "pulumi:index:Stash").inputs.input).toMatchObject({ value: "kept" });
    });

    const kept = (capacity: string) => ({
        metadata: { name: "media", creationTimestamp: "2026-11-20T02:04:01Z" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "8Gi" } } },
        status: { capacity: { storage: capacity } },
    });
    const withClaim = (capacity: string, more = {}) => ({
        ...cluster,
        "/api/v1/namespaces/replica": namespace({ "understudy/stack": "understudy.demo" }),
        "/api/v1/namespaces/replica/persistentvolumeclaims": { items: [kept(capacity)] },
        ...more,
    });

    it("refuses a volume that would have to shrink below what its claim has been given", async () => {
        expect((await refused({ config, cluster: withClaim("4Gi") })).join()).toMatch(
            /media\.volume is 2Gi, but the claim media of namespace replica has 4Gi.*Nothing was changed/,
        );
    });

    it("refuses a volume from before the replica if told to, until the replica stands", async () => {
        const strict = { ...config, "understudy:allowExistingMediaVolume": "false" };
        expect((await refused({ config: strict, cluster: withClaim("2Gi") })).join()).toMatch(
            /claim media of namespace replica is there since 2026-11-20T02:04:01Z/,
        );
        const program = { "/api/v1/namespaces/replica/configmaps/understudy": { data: {} } };
        const { status } = await runProgram({ config: strict, cluster: withClaim("2Gi", program) });
        expect(status).toBe(0);
    });

    it("reports every problem of a stack file in one error", async () => {
        const [message] = await refused({
            config: { "understudy:imageTag": "latest", "understudy:imag": "x" },
            cluster,
        });
        expect(message).toMatch(/Pulumi.demo.yaml has 7 problems/);
        expect(message).toMatch(/did you mean image/);
    });
});

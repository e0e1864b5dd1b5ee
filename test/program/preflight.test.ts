import { describe, expect, it } from "vitest";
import { runProgram } from "./monitor";
import { changed, cluster, config, find, said } from "./registered";

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

    it("goes on with a namespace of its own, and with the credentials that a kept volume expects", async () => {
        const labels = { "understudy/stack": "understudy.demo" };
        const encoded = (text: string) => Buffer.from(text).toString("base64");
        const kept = { data: { key: encoded("kept"), password: encoded("expected"), former: "" } };
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
        const { stringData } = find(run, "kubernetes:core/v1:Secret", "database-secret").inputs;
        expect(stringData).toMatchObject({ value: { key: "kept", former: "expected" } });
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

    const of = "/api/v1/namespaces/production";
    const secret = (name: string, data: Record<string, string>, type = "Opaque") => ({
        metadata: { name },
        type,
        data: Object.fromEntries(
            Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
        ),
    });
    const belongings = {
        [`${of}/services`]: {
            items: [
                {
                    metadata: { name: "db", namespace: "production" },
                    spec: { clusterIPs: ["10.43.0.9"], externalName: "rds.example.org" },
                    status: { loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } },
                },
            ],
        },
        [`${of}/pods`]: {
            items: [
                { metadata: { name: "web" }, spec: {}, status: { podIPs: [{ ip: "10.42.0.9" }] } },
                { metadata: { name: "host" }, spec: { hostNetwork: true }, status: { podIPs: [{ ip: "10.0.0.1" }] } },
            ],
        },
        "/apis/networking.k8s.io/v1/namespaces/production/ingresses": {
            items: [
                {
                    metadata: { name: "shop" },
                    spec: { rules: [{ host: "shop.example.org" }, { host: "*.a.example" }] },
                },
            ],
        },
        [`${of}/secrets`]: {
            items: [
                secret("mail", { password: "planted-s3cret", "tls.crt": "planted-public", database: "catalogue" }),
                secret("mode", { mode: "planted-mode" }),
                secret("token", { token: "planted-token" }, "kubernetes.io/service-account-token"),
            ],
        },
    };

    it("refuses to open ways to production, or to tell the replica what is production's, with no value in its words (S1-04)", async () => {
        const told = {
            ...{ A: "db.production.svc", B: "rds.example.org", C: "shop.example.org", D: "x:planted-s3cret@y" },
            ...{ FINE: "10.43.0.8 catalogue planted-mode planted-public planted-token b.a.example 10.0.0.1" },
        };
        const cidrs = ["10.43.0.0/16", "10.42.0.9/32", "192.0.2.0/24", "10.0.0.0/30"];
        const target = {
            items: [
                secret("mail", { key: "planted-s3cret", fine: "another-value" }),
                secret("reader", { "secret-access-key": "planted-s3cret" }),
            ],
        };
        const bucket = { media: { s3: { bucket: "shop", secret: "reader" } } };
        const [message, ...more] = await refused({
            config: changed(
                "isolation",
                { allow: cidrs.map((cidr) => ({ cidr })), public: ["mode/mode"] },
                changed("application", { environment: told }, changed("source", bucket)),
            ),
            cluster: { ...cluster, ...belongings, "/api/v1/namespaces/replica/secrets": target },
        });
        expect(more).toEqual([]);
        expect(message?.split("\n").map((line) => line.split(":")[0])).toEqual([
            "isolation.allow.0.cidr is 10.43.0.0/16, which holds 10.43.0.9, the address of Service db of production's namespace",
            "isolation.allow.1.cidr is 10.42.0.9/32, which holds 10.42.0.9, the address of pod web of production's namespace",
            "isolation.allow.2.cidr is 192.0.2.0/24, which holds 192.0.2.9, an address of Service db of production's namespace",
            "application.environment.A names db.production.svc, Service db of production's namespace",
            "application.environment.B names rds.example.org, Service db of production's namespace",
            "application.environment.C names shop.example.org, a host of Ingress shop of production's namespace",
            "application.environment.D holds what production's Secret mail has under password",
            "Secret mail of namespace replica, key key, holds what production's Secret mail has under password",
        ]);
        expect(message).not.toContain("planted");
    });

    it("goes on with a word where production's Secrets may not be read, and with none of them in what it asks for", async () => {
        const hidden = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Forbidden", code: 403 };
        const run = await runProgram({ config, cluster: { ...cluster, [`${of}/secrets`]: hidden } });
        expect(run.status).toBe(0);
        expect(said(run, "warning")).toMatch(
            /Production's Secrets \(namespace production .*\) may not be read by this user/,
        );
        const own = { "/api/v1/namespaces/replica/secrets": hidden };
        const seen = await runProgram({ config, cluster: { ...cluster, ...belongings, ...own } });
        expect(seen.status).toBe(0);
        expect(said(seen, "warning")).toMatch(/^The Secrets of namespace replica may not be read by this user/);
        expect(JSON.stringify(seen)).not.toContain("planted");
    });

    it("takes the inner addresses of another cluster for nobody's in particular", async () => {
        const written = changed(
            "source",
            { context: "elsewhere" },
            changed("isolation", { allow: [{ cidr: "10.0.0.0/8" }] }),
        );
        const elsewhere = { ...cluster, ...belongings };
        expect((await runProgram({ config: written, cluster, elsewhere })).status).toBe(0);
        const outer = changed("isolation", { allow: [{ cidr: "192.0.2.0/24" }] }, written);
        expect((await refused({ config: outer, cluster, elsewhere })).join()).toMatch(
            /holds 192\.0\.2\.9, an address of Service/,
        );
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

import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import yaml from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestProduction } from "../../demo/digest";
import type { Cluster } from "../../dev/cluster/index";
import { startCluster } from "../../dev/cluster/index";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

/** Two developers, each with a replica of their own on one cluster, which knows them by name. */
describe("two developers", () => {
    let alan: Stage;
    let anna: Stage;
    let source: unknown;
    const files: string[] = [];

    const developer = async (user: string, cluster: Cluster) => {
        const kubeconfig = await kubeconfigOf(user, cluster);
        files.push(kubeconfig);
        await mayDoAnything(user, cluster);
        return openStage({
            stack: `dev-${user}`,
            namespace: `stack-${user}-default`,
            kubeconfig,
            changes: {
                "target.context": `of-${user}`,
                "target.namespace": undefined,
                "target.developer": { user },
                "application.nodePort": undefined,
                "application.ingress": { host: `catalogue-${user}.staging.example.org`, issuer: "staging" },
                "application.seeAlso": `https://production.example.org, copied for ${user}`,
            },
        });
    };

    beforeAll(async () => {
        const cluster = await startCluster(lane.cluster);
        alan = await developer("alan", cluster);
        anna = await developer("anna", cluster);
        source = await digestProduction(cluster);
    });

    afterAll(async () => {
        await Promise.all(files.map((file) => rm(file, { force: true })));
    });

    it("1. each make a replica at the same time, each in a namespace and at a host of their own (S0-10, S0-20, S1-06, S1-12)", async () => {
        const [one, other] = await Promise.all([alan.up(), anna.up()]);
        expect(one.status, one.output).toBe(0);
        expect(other.status, other.output).toBe(0);
        expect(one.output).toContain("https://catalogue-alan.staging.example.org");
        expect(other.output).toContain("https://catalogue-anna.staging.example.org");
        expect(await hosts(alan)).toEqual(["catalogue-alan.staging.example.org"]);
        expect(await hosts(anna)).toEqual(["catalogue-anna.staging.example.org"]);
        expect(await digestProduction(alan.cluster)).toEqual(source);
    });

    it("2. are told that it is a replica, which production's application is not (S0-19)", async () => {
        expect(await variables(alan)).toMatchObject({
            UNDERSTUDY_SEE_ALSO: "https://production.example.org, copied for alan",
        });
        const { items } = await alan.core.listNamespacedPod({ namespace: "production" });
        const names = items.flatMap(({ spec }) => spec?.containers ?? []).flatMap(({ env }) => env ?? []);
        expect(names.filter(({ name }) => name.startsWith("UNDERSTUDY_"))).toEqual([]);
    });

    it("3. cannot deploy, refresh or wipe each other's (S0-10)", async () => {
        const before = await alan.digest();
        const annas = { "target.context": "of-alan" };
        // Anna's kubeconfig calls her own access by Alan's name: the cluster knows better.
        const forged = files[1] ?? "";
        await writeFile(forged, (await readFile(forged, "utf8")).replaceAll("of-anna", "of-alan"));
        const posing = await openStage({
            stack: "dev-alan",
            namespace: alan.namespace,
            kubeconfig: forged,
            changes: { ...annas, "target.namespace": undefined, "target.developer": { user: "alan" } },
        });
        for (const { status, output } of [await posing.up({ "database.refresh": "2" }), await posing.wipe()]) {
            expect(status, output).not.toBe(0);
            expect(output).toMatch(/This is alan's replica.*knows you as anna/);
        }
        expect(await alan.digest()).toEqual(before);
    });

    it("4. are not touched when the other's goes", async () => {
        const before = await anna.digest();
        // Every stage that is opened takes a backup.
        source = await digestProduction(anna.cluster);
        const wiped = await alan.wipe({ removeMediaVolume: true });
        expect(wiped.status, wiped.output).toBe(0);
        expect(await anna.digest()).toEqual(before);
        await writeFile(files[1] ?? "", (await readFile(files[1] ?? "", "utf8")).replaceAll("of-alan", "of-anna"));
        const last = await anna.wipe({ removeMediaVolume: true });
        expect(last.status, last.output).toBe(0);
        expect(await digestProduction(anna.cluster)).toEqual(source);
    });
});

/** A kubeconfig whose only context is a developer's, as the cluster's administrator lends it: by impersonation. */
async function kubeconfigOf(user: string, cluster: Cluster): Promise<string> {
    const config = yaml.load(await readFile(cluster.kubeconfig, "utf8")) as {
        contexts: { name: string; context: object }[];
        users: { user: object }[];
        "current-context": string;
    };
    const [context] = config.contexts;
    const [known] = config.users;
    const own = {
        ...config,
        contexts: [{ ...context, name: `of-${user}` }],
        users: [{ ...known, user: { ...known?.user, as: user } }],
        "current-context": `of-${user}`,
    };
    const file = path.join(path.dirname(cluster.kubeconfig), `${user}.kubeconfig`);
    await writeFile(file, yaml.dump(own), { mode: 0o600 });
    return file;
}

/** What understudy keeps developers apart by is their name, not their rights: these have all. */
async function mayDoAnything(user: string, cluster: Cluster): Promise<void> {
    const { KubeConfig, RbacAuthorizationV1Api } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const name = `everything-for-${user}`;
    const api = config.makeApiClient(RbacAuthorizationV1Api);
    await api.deleteClusterRoleBinding({ name }).catch(() => undefined);
    await api.createClusterRoleBinding({
        body: {
            metadata: { name },
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
            subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
        },
    });
}

async function hosts({ config, namespace }: Stage): Promise<(string | undefined)[]> {
    const { NetworkingV1Api } = await import("@kubernetes/client-node");
    const { items } = await config.makeApiClient(NetworkingV1Api).listNamespacedIngress({ namespace });
    return items.flatMap(({ spec }) => spec?.rules ?? []).map(({ host }) => host);
}

async function variables(stage: Stage): Promise<Record<string, string | undefined>> {
    const [pod] = await stage.pods("app.kubernetes.io/name=application");
    return Object.fromEntries(pod?.spec?.containers[0]?.env?.map(({ name, value }) => [name, value]) ?? []);
}

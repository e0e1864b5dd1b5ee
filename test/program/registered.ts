/** What the tests of the whole program share: the demo's configuration, and ways to find things in a run. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { configOf, productionCluster, type Registration, type Run } from "./monitor";

/** Answers of the cluster of most runs. */
export const cluster = productionCluster;

/** The configuration of the demo's stack file. */
export const config = configOf(readFileSync(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8"));

/** The configuration, or another one, with one object setting changed. */
export function changed(key: string, change: object, from = config): Record<string, string> {
    const full = `understudy:${key}`;
    return { ...from, [full]: JSON.stringify({ ...JSON.parse(from[full] ?? "{}"), ...change }) };
}

/** Answers of a cluster on which these generations are live. */
export function withLive(live: { database: string; media: string }, from = cluster): Record<string, object> {
    const annotations = { "understudy/database-generation": live.database, "understudy/media-generation": live.media };
    const job = { spec: { template: { metadata: { annotations } } }, status: { succeeded: 1 } };
    const selector = encodeURIComponent("app.kubernetes.io/part-of=understudy,app.kubernetes.io/name=switch");
    const claim = (name: string, accessModes: string[]) => ({ metadata: { name }, spec: { accessModes } });
    const claims = [claim("database", ["ReadWriteOnce"]), claim("media", ["ReadWriteOnce"])];
    return {
        ...from,
        [`/apis/batch/v1/namespaces/replica/jobs?labelSelector=${selector}`]: { items: [job] },
        "/api/v1/namespaces/replica/persistentvolumeclaims": { items: claims },
        "/api/v1/namespaces/replica/secrets/database": { data: { key: "a2V5", password: "" } },
    };
}

/** Answers of a cluster whose production has published these lines of a catalogue, of contents, and about its media. */
export function published(catalogue: object[], contents: object[] = [], media: object[] = []): Record<string, object> {
    const linesOf = (entries: object[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    const data = {
        "catalogue.jsonl": linesOf(catalogue),
        "contents.jsonl": linesOf(contents),
        "media.jsonl": linesOf(media),
    };
    return { ...cluster, "/api/v1/namespaces/production/configmaps/understudy-catalogue": { data } };
}

/** What the program logged with a severity. */
export function said({ log }: Pick<Run, "log">, wanted: Run["log"][number]["severity"]): string {
    return log
        .filter(({ severity }) => severity === wanted)
        .map(({ message }) => message)
        .join();
}

/** The only resource of a type, or of a type and a name. */
export function find(run: Run, type: string, name?: string): Registration {
    const found = run.registrations.filter((r) => r.type === type && (name === undefined || r.name === name));
    expect(found, `${type} ${name ?? ""}`).toHaveLength(1);
    return found[0] as Registration;
}

/** The Job of one of the agent's commands. */
export function job(run: Run, command: string): Registration {
    return find(run, "kubernetes:batch/v1:Job", command);
}

/** Everything that comes before a resource: what it and its parents depend on, and what that depends on. */
export function precedents(run: Run, { urn }: Registration, seen = new Set<string>()): Set<string> {
    const resource = run.registrations.find((r) => r.urn === urn);
    for (const earlier of [...(resource?.dependencies ?? []), resource?.parent ?? ""]) {
        const found = run.registrations.find((r) => r.urn === earlier);
        if (found !== undefined && !seen.has(earlier)) {
            seen.add(earlier);
            precedents(run, found, seen);
        }
    }
    return seen;
}

/** A pod's specification, as far as the tests look at it. */
export interface Pod {
    automountServiceAccountToken?: boolean;
    imagePullSecrets?: object[];
    securityContext: object;
    affinity?: object;
    hostAliases?: { ip: string; hostnames: string[] }[];
    containers: Container[];
    initContainers?: Container[];
    volumes?: { name: string; persistentVolumeClaim?: { claimName: string; readOnly?: boolean } }[];
}

/** One container of a {@link Pod}. */
export interface Container {
    image: string;
    command?: string[];
    env: { name: string; value?: string; valueFrom?: object }[];
    securityContext: object;
    resources: { requests?: Record<string, string>; limits: Record<string, string> };
    ports?: { name: string; containerPort: number }[];
    volumeMounts?: { name: string; readOnly?: boolean }[];
}

/** The template of a Job's, Deployment's or StatefulSet's pods. */
export interface Template {
    metadata: { labels: Record<string, string>; annotations: Record<string, string> };
    spec: Pod;
}

/** The template of the pods that a resource asks for. */
export function template({ inputs }: Registration): Template {
    return (inputs.spec as { template: Template }).template;
}

/** The specifications of all pods that a run asks for. */
export function pods(run: Run): Pod[] {
    return run.registrations
        .filter(({ type }) => /:(Job|Deployment|StatefulSet)$/.test(type))
        .map((r) => template(r).spec);
}

/** The namespace's restricted level would let the pod in, and it has no way to the cluster. */
export function expectRestricted(pod: Pod): void {
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
        });
        expect(container.resources.limits).toHaveProperty("memory");
    }
}

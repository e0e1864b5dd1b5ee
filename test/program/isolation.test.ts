import { beforeAll, describe, expect, it } from "vitest";
import { selector } from "../../components/labels";
import type { NetworkPolicy } from "../../components/network-policy";
import { bytes, thousandths } from "../../settings/values";
import { type Host, isOpen } from "../network-policy";
import { matrix, others } from "./isolation.matrix";
import { type Registration, type Run, runProgram } from "./monitor";
import {
    type Container,
    changed,
    cluster,
    config,
    expectRestricted,
    find,
    pods,
    precedents,
    template,
} from "./registered";

const workloads = /:(Job|Deployment|StatefulSet)$/;
const policyType = "kubernetes:networking.k8s.io/v1:NetworkPolicy";

const bucket = { database: { s3: { bucket: "backups", secret: "reader" } } };
const workers = { worker: { command: ["work"] }, beat: { command: ["tick"], single: true } };
const full = {
    replicas: 2,
    workers,
    redis: {},
    pooler: {},
    nodePort: undefined,
    ingress: { domain: "replicas.example.org", issuer: "letsencrypt" },
    aliases: { db: "pooler", "redis.production": "redis", "shop.example.org": "application" },
};
const passing = { mode: "redirect", to: "testers@example.org", relay: { host: "smtp.example.org" } };
const allow = [
    { cidr: "203.0.113.0/24", ports: [443] },
    { namespace: "shared", ports: [5672] },
];

/** The pods that a run asks for, and one of the survey, which comes later, by namespace and component. */
function hostsOf({ registrations }: Run, namespace: string): Record<string, Host> {
    const asked = registrations.filter(({ type }) => workloads.test(type)).map((one) => template(one));
    const labelled = asked.map(({ metadata, spec }) => ({
        labels: metadata.labels,
        ports: Object.fromEntries(
            spec.containers.flatMap(({ ports = [] }) => ports.map(({ name, containerPort }) => [name, containerPort])),
        ),
    }));
    const survey = { labels: selector({ stack: `understudy/${namespace}` }, "survey"), ports: {} };
    return Object.fromEntries(
        [...labelled, survey].map(({ labels, ports }, at) => [
            `${namespace}/${labels["app.kubernetes.io/name"]}`,
            { address: `10.42.${namespace === "one" ? 100 : 101}.${at}`, namespace, labels, ports },
        ]),
    );
}

/** The port of a pod behind a port of its Service; the same where it has none. */
function behind({ registrations }: Run, name: string, port: number): number | string {
    const services = registrations.filter(({ type }) => type === "kubernetes:core/v1:Service");
    const of = services.find(({ inputs }) => (inputs.metadata as { name: string }).name === name);
    const { ports = [] } = (of?.inputs.spec ?? {}) as { ports?: { port: number; targetPort?: number | string }[] };
    return ports.find((one) => one.port === port)?.targetPort ?? port;
}

describe("two replicas beside production (S1-03)", () => {
    const runs: Record<string, Run> = {};
    let policies: NetworkPolicy[];
    let hosts: Record<string, Host>;
    beforeAll(async () => {
        const one = changed("isolation", { allow }, changed("source", bucket, changed("application", full)));
        const [first, second] = await Promise.all([
            runProgram({
                config: changed("target", { namespace: "one" }, one),
                stack: "one",
                cluster,
            }),
            runProgram({
                config: changed(
                    "target",
                    { namespace: "two" },
                    changed("mail", passing, changed("application", { workers })),
                ),
                stack: "two",
                cluster,
            }),
        ]);
        Object.assign(runs, { one: first, two: second });
        policies = [first, second].flatMap(({ registrations }) =>
            registrations
                .filter(({ type }) => type === policyType)
                .map(({ inputs }) => inputs as unknown as NetworkPolicy),
        );
        hosts = { ...others, ...hostsOf(first, "one"), ...hostsOf(second, "two") };
    });

    it.each(matrix)("%s to %s at port %d is %s", (from, to, port, verdict) => {
        const [namespace = "", name = ""] = to.split("/");
        const [start, end] = [hosts[from], hosts[to]] as [Host, Host];
        const run = runs[namespace];
        const there = run === undefined ? port : behind(run, name, port);
        const number = typeof there === "number" ? there : (end.ports?.[there] ?? 0);
        expect(isOpen(policies, start, end, number) ? "open" : "closed").toBe(verdict);
    });

    it("ask for names by both protocols", () => {
        for (const protocol of ["TCP", "UDP"] as const) {
            const [from, to] = [hosts["one/worker"], hosts["kube-system/dns"]] as [Host, Host];
            expect(isOpen(policies, from, to, 53, protocol)).toBe(true);
        }
    });

    it("are closed before anything comes into them", () => {
        for (const run of Object.values(runs)) {
            const deny = find(run, policyType, "isolation-default-deny");
            for (const workload of run.registrations.filter(({ type }) => workloads.test(type))) {
                expect(precedents(run, workload), workload.name).toContain(deny.urn);
            }
        }
    });

    it("are limited in nothing by default", () => {
        expect(runs.one?.registrations.filter(({ type }) => /:(ResourceQuota|LimitRange)$/.test(type))).toEqual([]);
    });

    it("give no pod a way to the cluster, whatever the application has", () => {
        const all = pods(runs.one as Run);
        expect(all.length).toBeGreaterThan(10);
        all.forEach(expectRestricted);
    });

    it("take names that the application is used to for their own parts (S1-06)", () => {
        const run = runs.one as Run;
        const service = (name: string) => find(run, "kubernetes:core/v1:Service", `application-alias-${name}`).inputs;
        const own = (name: string) => find(run, "kubernetes:core/v1:Service", name).inputs.spec;
        expect(service("db")).toMatchObject({
            metadata: { name: "db" },
            spec: own("application-pooler-service") as object,
        });
        expect(service("redis.production")).toMatchObject({ spec: own("application-redis-service") as object });
        const { ports, selector } = own("application-service") as Record<string, unknown>;
        expect(service("shop.example.org").spec).toEqual({ ports, selector });
        const told = ["redis.production", "shop.example.org"].map((name) => ({ ip: "10.43.0.7", hostnames: [name] }));
        const application = run.registrations.filter(({ name }) => /^application-(\w+-)?deployment$/.test(name));
        expect(application).toHaveLength(3);
        for (const part of application) {
            expect(template(part).spec.hostAliases).toEqual(told);
            const earlier = precedents(run, part);
            expect(earlier).toContain(find(run, "kubernetes:core/v1:Service", "application-alias-db").urn);
        }
    });
});

describe("a developer's replica", () => {
    it("has a quota that its own pods and claims fit into together, with the former ones of the application", async () => {
        const { context } = JSON.parse(config["understudy:target"] ?? "") as { context: string };
        const developer = { namespace: undefined, context, developer: { user: "anna" } };
        const review = { status: { userInfo: { username: "anna", groups: [] } } };
        const run = await runProgram({
            config: changed("target", developer, changed("application", full)),
            cluster: { ...cluster, "/apis/authentication.k8s.io/v1/selfsubjectreviews": review },
        });
        expect(run.status).toBe(0);
        const { spec } = find(run, "kubernetes:core/v1:ResourceQuota").inputs as {
            spec: { hard: Record<string, string> };
        };
        const shares = run.registrations.filter(({ type }) => workloads.test(type)).map(sharesOf);
        const sum = (of: "cpu" | "memory" | "pods") => shares.reduce((total, share) => total + share[of], 0);
        expect(thousandths(spec.hard["requests.cpu"] ?? "")).toBeGreaterThanOrEqual(sum("cpu"));
        expect(bytes(spec.hard["limits.memory"] ?? "")).toBeGreaterThanOrEqual(sum("memory"));
        expect(Number(spec.hard.pods)).toBeGreaterThanOrEqual(sum("pods"));
        const claims = run.registrations
            .filter(({ type }) => type.endsWith(":PersistentVolumeClaim"))
            .map(({ inputs }) => inputs as { spec: { resources: { requests: { storage: string } } } })
            .reduce((total, claim) => total + bytes(claim.spec.resources.requests.storage), 0);
        expect(bytes(spec.hard["requests.storage"] ?? "")).toBeGreaterThanOrEqual(claims);
        expect(find(run, "kubernetes:core/v1:LimitRange").inputs).toMatchObject({
            spec: { limits: [{ type: "Container", default: { memory: "512Mi" } }] },
        });
    });
});

/** What the pods of a workload take of a quota, those that they replace among them: every container says so itself. */
function sharesOf(workload: Registration) {
    const { containers } = template(workload).spec;
    const { replicas = 1 } = workload.inputs.spec as { replicas?: number };
    const pods = workload.type.endsWith(":Deployment") ? 2 * replicas : replicas;
    const total = (amountOf: (resources: Container["resources"]) => number) =>
        pods * containers.reduce((sum, { resources }) => sum + amountOf(resources), 0);
    return {
        pods,
        cpu: total(({ requests }) => thousandths(requests?.cpu ?? "none")),
        memory: total(({ limits }) => bytes(limits.memory ?? "none")),
    };
}

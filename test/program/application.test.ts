import { beforeAll, describe, expect, it } from "vitest";
import { generationName, planSchema } from "../../contract";
import { isSecret, type Registration, type Run, runProgram } from "./monitor";
import { changed, cluster, config, expectRestricted, find, job, pods, precedents, template } from "./registered";

const deployment = "kubernetes:apps/v1:Deployment";
const ingress = "kubernetes:networking.k8s.io/v1:Ingress";

/** Everything that can be said about how the application is run. */
const said = {
    workload: "StatefulSet",
    command: ["serve", "--all"],
    replicas: 2,
    environment: { PORT: "9000", BROKER: "redis://$(REDIS_HOST):$(REDIS_PORT)/0" },
    secrets: ["DJANGO_KEY", "ADMIN_PASSWORD"],
    workers: {
        queue: { command: ["work"], replicas: 3 },
        beat: { command: ["tick"], single: true, media: false },
    },
    redis: {},
    pooler: { minPoolSize: 2 },
    ingress: { host: "staging.example.org", issuer: "letsencrypt", className: "public" },
    banner: { contact: "#data" },
    warning: "Costs $(PGHOST) a day",
    seeAlso: "the other one",
    resources: { memoryLimit: "2Gi", cpuRequest: "500m" },
};
const beside = changed("database", { others: [{ name: "audit", owner: "auditor" }] }, changed("application", said));
const full = changed("target", { pullSecret: "registry" }, beside);

describe("an application with everything", () => {
    let run: Run;
    let web: Registration;
    let queue: Registration;
    let beat: Registration;
    beforeAll(async () => {
        run = await runProgram({ config: full, cluster, kept: { "application-secret-DJANGO_KEY": "from before" } });
        web = find(run, "kubernetes:apps/v1:StatefulSet", "application-statefulset");
        queue = find(run, deployment, "application-queue-deployment");
        beat = find(run, deployment, "application-beat-deployment");
    });
    const env = (resource: Registration) => template(resource).spec.containers[0]?.env ?? [];
    const variable = (resource: Registration, name: string) => env(resource).filter((entry) => entry.name === name);

    it("is registered and ends well", () => {
        expect(run.status).toBe(0);
        expect(run.log.filter(({ severity }) => severity !== "debug")).toEqual([]);
    });

    it("comes up in order: redis, pooler, mail sink and secrets, web part, workers, and only then the smoke check", () => {
        const redis = find(run, deployment, "application-redis-server");
        const secret = find(run, "kubernetes:core/v1:Secret", "application-secret");
        const pooler = find(run, deployment, "application-pooler-server");
        const sink = find(run, deployment, "application-mail-server");
        const steps = [[job(run, "switch")], [redis, pooler, sink, secret], [web], [queue, beat], [job(run, "smoke")]];
        for (const [at, step] of steps.entries()) {
            for (const later of steps[at + 1] ?? []) {
                for (const earlier of step) {
                    expect(precedents(run, later), `${later.name} after ${earlier.name}`).toContain(earlier.urn);
                }
            }
        }
    });

    it("runs every pod under the restricted level, with the pull secret, and with room and rights of its own", () => {
        expect(pods(run)).toHaveLength(12);
        for (const pod of pods(run)) {
            expectRestricted(pod);
            expect(pod.imagePullSecrets).toEqual([{ name: "registry" }]);
        }
        for (const part of [web, queue, beat]) {
            expect(template(part).spec.containers[0]?.resources).toEqual({
                requests: { cpu: "500m", memory: "64Mi" },
                limits: { memory: "2Gi" },
            });
        }
    });

    it("is a StatefulSet with the Service's labels, whose broken pods a correction replaces", () => {
        expect(web.inputs).toMatchObject({
            metadata: { name: "application" },
            spec: { replicas: 2, serviceName: "application", podManagementPolicy: "Parallel" },
        });
        expect(template(web).spec.containers[0]).toMatchObject({ command: ["serve", "--all"] });
        const { spec } = find(run, "kubernetes:core/v1:Service", "application-service").inputs as {
            spec: { selector: object };
        };
        expect(template(web).metadata.labels).toMatchObject(spec.selector);
        expect(template(queue).metadata.labels).not.toMatchObject(spec.selector);
    });

    it("gives workers the web part's image, environment and way in, and nothing to be asked at", () => {
        for (const worker of [queue, beat]) {
            const container = template(worker).spec.containers[0];
            expect(container?.image).toBe(template(web).spec.containers[0]?.image);
            expect(env(worker)).toEqual(env(web));
            expect(container).not.toHaveProperty("readinessProbe");
            expect(container).not.toHaveProperty("ports");
            expect(worker.inputs.spec).toHaveProperty("minReadySeconds");
        }
        const generation = run.outputs.databaseGeneration as string;
        expect(variable(queue, "PGUSER")).toEqual([{ name: "PGUSER", value: generationName("catalogue", generation) }]);
        expect(variable(queue, "PGPASSWORD")).toEqual([
            { name: "PGPASSWORD", valueFrom: { secretKeyRef: { name: `login-${generation}`, key: "password" } } },
        ]);
        expect(queue.inputs).toMatchObject({ metadata: { name: "queue" }, spec: { replicas: 3 } });
        expect(template(queue).spec.containers[0]?.command).toEqual(["work"]);
        expect(run.registrations.filter(({ type }) => type.endsWith(":Service"))).toHaveLength(5);
    });

    it("never lets two schedulers run at a time", () => {
        expect(beat.inputs.spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
        expect(beat.inputs.spec).not.toHaveProperty("strategy.rollingUpdate");
        expect(queue.inputs.spec).toHaveProperty("strategy.rollingUpdate");
    });

    it("shows the media to those that want it, behind the guard, and draws these to one node", () => {
        for (const part of [web, queue, beat]) {
            const { metadata, spec } = template(part);
            const sees = part !== beat;
            expect(spec.volumes?.some(({ name }) => name === "media")).toBe(sees);
            expect(spec.containers[0]?.volumeMounts?.some(({ name }) => name === "media")).toBe(sees);
            expect(spec.initContainers !== undefined).toBe(sees);
            expect(spec.affinity !== undefined).toBe(sees);
            expect("understudy/media-of" in metadata.labels).toBe(sees);
        }
    });

    it("is told each variable once, its own ones before those of the stack file, which may name them", () => {
        const names = env(web).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect(variable(web, "PORT")).toEqual([{ name: "PORT", value: "9000" }]);
        expect(variable(web, "REDIS_HOST")).toEqual([{ name: "REDIS_HOST", value: "redis" }]);
        expect(variable(web, "REDIS_PORT")).toEqual([{ name: "REDIS_PORT", value: "6379" }]);
        expect(names.indexOf("REDIS_PORT")).toBeLessThan(names.indexOf("BROKER"));
    });

    it("hands over what a replica tells its people, as it was written", () => {
        expect(variable(web, "UNDERSTUDY_WARNING")).toEqual([
            { name: "UNDERSTUDY_WARNING", value: "Costs $$(PGHOST) a day" },
        ]);
        expect(variable(web, "UNDERSTUDY_SEE_ALSO")).toEqual([{ name: "UNDERSTUDY_SEE_ALSO", value: "the other one" }]);
    });

    it("keeps what was made before, and makes what is new of 32 random bytes, all of it secret", () => {
        const { metadata, stringData } = find(run, "kubernetes:core/v1:Secret", "application-secret").inputs;
        expect(metadata).toMatchObject({ name: "application" });
        expect(isSecret(stringData)).toBe(true);
        const { value } = stringData as { value: Record<string, string> };
        expect(value).toEqual({ DJANGO_KEY: "from before", ADMIN_PASSWORD: expect.stringMatching(/^[\w-]{43}$/) });
        const stashes = run.registrations.filter(({ name }) => name.startsWith("application-secret-"));
        expect(stashes).toHaveLength(2);
        for (const { inputs, ignoreChanges } of stashes) {
            expect(isSecret(inputs.input)).toBe(true);
            expect(ignoreChanges).toEqual(["input"]);
        }
        expect(variable(web, "DJANGO_KEY")).toEqual([
            { name: "DJANGO_KEY", valueFrom: { secretKeyRef: { name: "application", key: "DJANGO_KEY" } } },
        ]);
    });

    it("is reached from outside at its own host alone, with a certificate; the smoke check goes on asking inside (S1-12)", () => {
        const { inputs } = find(run, ingress);
        // It would answer for every other host.
        expect(inputs.spec).not.toHaveProperty("defaultBackend");
        expect(inputs).toMatchObject({
            metadata: { annotations: { "cert-manager.io/cluster-issuer": "letsencrypt" } },
            spec: {
                ingressClassName: "public",
                tls: [{ hosts: ["staging.example.org"], secretName: "application-tls" }],
                rules: [
                    {
                        host: "staging.example.org",
                        http: {
                            paths: [
                                {
                                    path: "/",
                                    pathType: "Prefix",
                                    backend: { service: { name: "application", port: { name: "http" } } },
                                },
                            ],
                        },
                    },
                ],
            },
        });
        expect(run.outputs.url).toBe("https://staging.example.org");
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs as {
            data: Record<string, string>;
        };
        const plan = planSchema.parse(JSON.parse(data["plan.json"] ?? ""));
        expect(plan.smoke?.url).toBe("http://application.replica.svc/health");
    });

    it("reaches the database through a pooler, which knows the way in of this generation from a Secret alone", () => {
        expect(variable(web, "PGHOST")).toEqual([{ name: "PGHOST", value: "pooler" }]);
        expect(variable(web, "PGPORT")).toEqual([{ name: "PGPORT", value: "6432" }]);
        const generation = run.outputs.databaseGeneration as string;
        const { metadata, spec } = template(find(run, deployment, "application-pooler-server"));
        expect(metadata.annotations).toMatchObject({ "understudy/database-generation": generation });
        expect(metadata.annotations).not.toHaveProperty("understudy/media-generation");
        expect(spec.containers[0]).toMatchObject({
            image: "edoburu/pgbouncer:v1.25.1-p0",
            command: ["pgbouncer", "/etc/pgbouncer/pgbouncer.ini"],
        });
        expect(spec.containers[0]).not.toHaveProperty("env");
        expect(spec.volumes).toContainEqual(
            expect.objectContaining({ secret: expect.objectContaining({ secretName: `login-${generation}` }) }),
        );
        const login = find(run, "kubernetes:core/v1:Secret", "login").inputs.stringData;
        expect(isSecret(login)).toBe(true);
        const { value } = login as { value: Record<string, string> };
        const role = generationName("catalogue", generation);
        expect(value["userlist.txt"]).toBe(`"${role}" "${value.password}"\n`);
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "application-pooler-configuration").inputs as {
            data: Record<string, string>;
        };
        for (const name of ["catalogue", "audit"]) {
            expect(data["pgbouncer.ini"]).toContain(`\n${name} = host=database port=5432 dbname=${name}\n`);
        }
        expect(data["pgbouncer.ini"]).toMatch(/\nmin_pool_size = 2\n(.*\n)*max_db_connections = 16\n/);
        expect(data["pgbouncer.ini"]).not.toContain(value.password);
        expect(find(run, "kubernetes:core/v1:Service", "application-pooler-service").inputs).toMatchObject({
            metadata: { name: "pooler" },
            spec: { ports: [{ port: 6432 }] },
        });
    });

    it("has nginx before it, to which the Service leads, while it is asked itself whether it is well", () => {
        const { metadata, spec } = template(web);
        const [application, nginx] = spec.containers;
        expect(spec.containers).toHaveLength(2);
        expect(application).toMatchObject({
            ports: [{ name: "application", containerPort: 8080 }],
            readinessProbe: { httpGet: { path: "/health", port: "application" } },
        });
        expect(nginx).toMatchObject({
            image: "nginx:1.28-bookworm",
            command: ["nginx", "-e", "stderr", "-g", "daemon off;", "-c", "/etc/understudy/nginx.conf"],
            ports: [{ name: "http", containerPort: 18080 }],
            readinessProbe: { tcpSocket: { port: "http" } },
            volumeMounts: [
                { name: "banner", mountPath: "/etc/understudy", readOnly: true },
                { name: "banner-tmp", mountPath: "/tmp" },
            ],
        });
        const { databaseGeneration, mediaGeneration } = run.outputs;
        const name = `banner-${databaseGeneration}-${mediaGeneration}`;
        expect(spec.volumes).toContainEqual({ name: "banner", configMap: { name } });
        expect(spec.volumes).toContainEqual({ name: "banner-tmp", emptyDir: {} });
        expect(find(run, "kubernetes:core/v1:Service", "application-service").inputs).toMatchObject({
            spec: { ports: [{ port: 80, targetPort: "http" }] },
        });
        const banner = find(run, "kubernetes:core/v1:ConfigMap", "application-banner");
        expect(precedents(run, web)).toContain(banner.urn);
        const { metadata: named, data } = banner.inputs as { metadata: object; data: Record<string, string> };
        expect(named).toMatchObject({ name });
        expect(data["nginx.conf"]).toMatch(/server 127\.0\.0\.1:8080;(.*\n)*.*listen 18080;/);
        expect(data["filter.js"]).toContain("Copy of production: demo &#183; image tag 1.0 &#183; ask #data");
        expect(metadata.annotations).toHaveProperty("understudy/banner");
        for (const worker of [queue, beat]) {
            expect(template(worker).spec.containers).toHaveLength(1);
            expect(template(worker).metadata.annotations).not.toHaveProperty("understudy/banner");
        }
    });

    it("has a redis that keeps nothing", () => {
        const { spec } = template(find(run, deployment, "application-redis-server"));
        expect(spec.containers[0]).toMatchObject({ image: "redis:7-bookworm", volumeMounts: [{ name: "data" }] });
        expect(spec.containers[0]?.command?.join(" ")).toContain("--save  --appendonly no");
        expect(spec.volumes).toEqual([{ name: "data", emptyDir: {} }]);
        expect(find(run, "kubernetes:core/v1:Service", "application-redis-service").inputs).toMatchObject({
            metadata: { name: "redis" },
            spec: { ports: [{ port: 6379 }] },
        });
    });
});

describe("an application", () => {
    it("with an Ingress without an issuer has no certificate, and an address that says so", async () => {
        const plain = changed("application", { ingress: { host: "staging.example.org" } });
        const run = await runProgram({ config: plain, cluster });
        const { metadata, spec } = find(run, ingress).inputs as { metadata: { annotations: object }; spec: object };
        expect(Object.keys(metadata.annotations)).toEqual(["pulumi.com/skipAwait"]);
        expect(Object.keys(spec)).toEqual(["rules"]);
        expect(run.outputs.url).toBe("http://staging.example.org");
    });

    it("with something else than pages has no nginx before it", async () => {
        const plain = changed("application", { banner: { enabled: false } });
        const run = await runProgram({ config: plain, cluster });
        const { spec } = template(find(run, deployment, "application-deployment"));
        expect(spec.containers).toHaveLength(1);
        expect(spec.containers[0]).toMatchObject({
            ports: [{ name: "http", containerPort: 8080 }],
            readinessProbe: { httpGet: { port: "http" } },
        });
        expect(spec.volumes?.map(({ name }) => name)).toEqual(["media", "tmp"]);
        expect(run.registrations.filter(({ name }) => name.includes("banner"))).toEqual([]);
    });

    it("with a domain stands at a host that is named after its namespace", async () => {
        const plain = changed("application", { ingress: { domain: "example.org", issuer: "letsencrypt" } });
        const run = await runProgram({ config: plain, cluster });
        expect(find(run, ingress).inputs.spec).toMatchObject({
            tls: [{ hosts: ["replica.example.org"] }],
            rules: [{ host: "replica.example.org" }],
        });
        expect(run.outputs.url).toBe("https://replica.example.org");
    });

    it("whose stack file says none of it gets none of it", async () => {
        const run = await runProgram({ config, cluster });
        const { spec } = template(find(run, deployment, "application-deployment"));
        expect(spec.containers[0]).not.toHaveProperty("command");
        expect(
            spec.containers[0]?.env.map(({ name }) => name).filter((name) => /REDIS|WARNING|SEE/.test(name)),
        ).toEqual([]);
        expect(pods(run).filter((pod) => pod.imagePullSecrets !== undefined)).toEqual([]);
        expect(run.registrations.filter(({ name }) => /ingress|redis|pooler|application-secret/.test(name))).toEqual(
            [],
        );
    });
});

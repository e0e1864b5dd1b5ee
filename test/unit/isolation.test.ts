import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectionsOf } from "../../components/connections";
import { policiesOf } from "../../components/network-policy";
import { quotaOf } from "../../components/quota";
import { parseSettings } from "../../settings";
import { namespaceOf } from "../../settings/isolation";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const demo = configOf(readFileSync(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8"));

/** The demo's configuration with parts of some settings changed. */
function config(changes: Record<string, object>): Record<string, string> {
    const parts = Object.entries(changes).map(([key, change]) => [
        `understudy:${key}`,
        JSON.stringify({ ...JSON.parse(demo[`understudy:${key}`] ?? "{}"), ...change }),
    ]);
    return { ...demo, ...Object.fromEntries(parts) };
}
const settings = (changes: Record<string, object> = {}) => parseSettings(config(changes), "understudy", "demo");
const problems = (changes: Record<string, object>) => problemsOf(() => settings(changes));

const place = { stack: "understudy/demo", namespace: "replica" };
const server = { host: "db.example.org", passwordSecret: "admin" };
const brought = (host: string) => ({ database: { server: { ...server, host }, volume: undefined } });
const bucket = (more: object = {}) => ({ source: { media: { s3: { bucket: "shop", secret: "reader", ...more } } } });

/** Where the connections of a component may lead, outside of the replica. */
const outwards = (component: string, changes: Record<string, object>) =>
    connectionsOf(settings(changes)).flatMap(({ from, to, ports }) =>
        from === component && typeof to !== "string" ? [{ ...to, ports: ports?.map(({ port }) => port) }] : [],
    );
const namespace = (name: string) => ({ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } });

describe("a stack file", () => {
    it.each([
        [{ isolation: { allow: [{ cidr: "10.0.0.0" }] } }, /allow\.0\.cidr is "10\.0\.0\.0": write addresses such as/],
        [{ isolation: { allow: [{ cidr: "10.0.0.0/33" }] } }, /allow\.0\.cidr is .*: write addresses such as/],
        [{ isolation: { allow: [{ cidr: "shop.example.org/32" }] } }, /allow\.0\.cidr is .*: write addresses such as/],
        [{ isolation: { allow: [{ cidr: "0.0.0.0/0" }] } }, /cidr is "0\.0\.0\.0\/0": write fewer: .* production's/],
        [{ isolation: { web: [{ cidr: "::/0" }] } }, /web\.0\.cidr is "::\/0": write fewer/],
        [{ isolation: { allow: [{}] } }, /allow\.0: write either cidr or namespace/],
        [
            { isolation: { allow: [{ cidr: "10.0.0.0/8", namespace: "a" }] } },
            /allow\.0: write either cidr or namespace/,
        ],
        [{ isolation: { allow: [{ namespace: "a", ports: [0] }] } }, /allow\.0\.ports\.0 is 0: write at least 1/],
        [{ isolation: { web: [{ namespace: "a", ports: [80] }] } }, /web\.0\.ports is not a setting; known here/],
        [{ isolation: { public: ["mail"] } }, /public\.0 is "mail": write a Secret and its key, such as mail\/sender/],
        [{ isolation: { alow: [] } }, /isolation\.alow is not a setting; did you mean allow/],
        [
            { isolation: { allow: [{ namespace: "production" }] } },
            /isolation\.allow\.0\.namespace is "production", which is production's: leave it out/,
        ],
        [{ isolation: { web: [{ namespace: "production" }] } }, /isolation\.web\.0\.namespace .* production's/],
        [{ isolation: { server: [{ namespace: "production" }] } }, /isolation\.server\.0\.namespace .* production's/],
        [brought("db.example.org"), /host is "db\.example\.org", a name, .*: write where it is to isolation\.server/],
        [
            brought("db.production.svc"),
            /host is db\.production\.svc, a Service of production's namespace production: write/,
        ],
        [
            bucket({ endpoint: "http://minio:99999" }),
            /endpoint is .*: write an address with a host and a port that there/,
        ],
        [
            bucket({ endpoint: "http://minio:9000" }),
            /source\.media\.s3\.endpoint is at minio, .* alone: write where it is to isolation\.stores, .* minio\.storage\.svc/,
        ],
        [
            { isolation: { production: ["a.example"] }, application: { ingress: { host: "a.example" } } },
            /application\.ingress\.host is "a\.example", which is production's own/,
        ],
        [
            { target: { domain: "staging.example" }, application: { ingress: { host: "shop.example" } } },
            /ingress\.host is "shop\.example": write one that ends in \.staging\.example, as target\.domain says/,
        ],
        [
            { target: { domain: "staging.example" }, application: { ingress: { domain: "notstaging.example" } } },
            /ingress\.domain is "notstaging\.example": write one that ends in/,
        ],
        [
            { application: { aliases: { db: "production" } } },
            /aliases\.db is "production": write application or database/,
        ],
        [
            { application: { aliases: { db: "db.production.svc" } } },
            /aliases\.db is "db\.production\.svc": write applic/,
        ],
        [{ application: { aliases: { "DB.prod": "database" } } }, /aliases\.DB\.prod: write a DNS name in lower case/],
        [{ application: { aliases: { pooler: "database" } } }, /aliases\.pooler: write another name: .* own already/],
        [{ application: { aliases: { cache: "redis" } } }, /aliases\.cache is redis, which the replica does not have/],
        [
            { ...brought("db.shop.svc"), application: { aliases: { "db.old": "database" } } },
            /aliases\.db\.old is database, which is the server at db\.shop\.svc, and a name with dots can only stand/,
        ],
        [{ target: { quota: { cpu: "0.5" } } }, /quota\.cpu is "0\.5": write a number of processors/],
        [
            { target: { quota: { memory: "4Gi" } } },
            /quota\.memory is 4Gi, less than the replica itself takes: .* \d+Mi$/,
        ],
        [{ target: { quota: { storage: "4Gi" } } }, /quota\.storage is 4Gi, less than .*: write at least 8192Mi/],
        [{ target: { quota: { pods: 3 } } }, /quota\.pods is 3, less than .*: write at least 14$/],
        [{ target: { quota: { cpu: "1m" } } }, /quota\.cpu is 1m, less than .*: write at least 800m/],
    ])("with %j is refused", (changes, expected) => {
        expect(problems(changes)).toEqual([expect.stringMatching(expected)]);
    });

    it("may name its own places: hosts below its domain, and servers where a policy finds them", () => {
        const domain = { target: { domain: "staging.example" } };
        for (const changes of [
            { ...domain, application: { ingress: { host: "shop.staging.example" } } },
            { ...domain, application: { ingress: { domain: "staging.example" } } },
            brought("10.1.2.3"),
            brought("db.shop.svc"),
            { ...brought("db.example.org"), isolation: { server: [{ cidr: "10.1.2.3/32" }] } },
            { ...bucket({ endpoint: "http://minio:9000" }), isolation: { stores: [{ namespace: "production" }] } },
            { ...brought("10.1.2.3"), application: { aliases: { "db.old": "database" } } },
        ]) {
            expect(problems(changes)).toEqual([]);
        }
    });
});

describe("a server that is brought", () => {
    it.each([
        [brought("10.1.2.3"), [{ ipBlock: { cidr: "10.1.2.3/32" }, ports: [5432] }]],
        [brought("db.shop.svc.cluster.local"), [{ ...namespace("shop"), ports: undefined }]],
        [
            { ...brought("db.example.org"), isolation: { server: [{ cidr: "10.1.2.0/24", ports: [5433] }] } },
            [{ ipBlock: { cidr: "10.1.2.0/24" }, ports: [5433] }],
        ],
    ])("with %j is where the agent and the application may go", (changes, expected) => {
        expect(outwards("switch", changes)).toEqual(expected);
        expect(outwards("application", changes)).toEqual(expected);
        expect(connectionsOf(settings(changes)).some(({ to }) => to === "database")).toBe(false);
    });
});

describe("a bucket", () => {
    const isPublic = (port: number) => [
        {
            ipBlock: { cidr: "0.0.0.0/0", except: expect.arrayContaining(["10.0.0.0/8", "192.168.0.0/16"]) },
            ports: [port],
        },
        { ipBlock: { cidr: "::/0", except: expect.arrayContaining(["fc00::/7"]) }, ports: [port] },
    ];
    it.each([
        [bucket(), isPublic(443)],
        [bucket({ endpoint: "https://s3.example.org:8443" }), isPublic(8443)],
        [bucket({ endpoint: "http://s3.example.org" }), isPublic(80)],
        [bucket({ endpoint: "http://10.1.2.3:9000" }), [{ ipBlock: { cidr: "10.1.2.3/32" }, ports: [9000] }]],
        [bucket({ endpoint: "http://minio.storage.svc:9000" }), [{ ...namespace("storage"), ports: undefined }]],
        [bucket({ endpoint: "http://[fd00::5]:9000" }), [{ ipBlock: { cidr: "fd00::5/128" }, ports: [9000] }]],
        [
            {
                ...bucket({ endpoint: "http://minio:9000" }),
                isolation: { stores: [{ namespace: "storage", ports: [9000] }] },
            },
            [{ ...namespace("storage"), ports: [9000] }],
        ],
    ])("with %j is where its reader alone may go", (changes, expected) => {
        expect(outwards("prepare-media", changes)).toEqual(expected);
        for (const other of ["prepare-database", "switch", "retire", "application"]) {
            expect(outwards(other, changes)).toEqual([]);
        }
    });
});

describe("who may ask the page", () => {
    const callers = (changes: Record<string, object>) =>
        connectionsOf(settings(changes)).flatMap(({ from, to }) =>
            to === "application" && typeof from !== "string" ? [from] : [],
        );
    const none = { application: { nodePort: undefined } };
    const ingress = { application: { nodePort: undefined, ingress: { domain: "example.org" } } };

    it("is nobody, the usual Ingress controller, whoever reaches the node's port, or who is named", () => {
        expect(callers(none)).toEqual([]);
        expect(callers(ingress)).toEqual([namespace("ingress-nginx")]);
        expect(callers({})).toEqual([{}]);
        expect(callers({ isolation: { web: [{ namespace: "traefik" }, { cidr: "10.0.0.5/32" }] } })).toEqual([
            namespace("traefik"),
            { ipBlock: { cidr: "10.0.0.5/32" } },
        ]);
        expect(callers({ isolation: { web: [] } })).toEqual([]);
    });

    it("comes to a policy that is closed to all where it is nobody", () => {
        const policy = policiesOf(settings(ingress), place).find(({ metadata }) => metadata.name === "application");
        const open = policiesOf(settings(), place).find(({ metadata }) => metadata.name === "application");
        expect(policy?.spec.ingress).toContainEqual({ from: [namespace("ingress-nginx")], ports: expect.anything() });
        expect(open?.spec.ingress).toContainEqual({ ports: expect.anything() });
        for (const rule of policiesOf(settings(none), place).flatMap(({ spec }) => spec.ingress ?? [])) {
            expect(rule.from?.length, JSON.stringify(rule)).toBeGreaterThan(0);
        }
    });
});

describe("policies", () => {
    it("never let anything out to everybody, and have a name each", () => {
        const all = policiesOf(settings({ ...bucket(), ...brought("10.1.2.3") }), place);
        expect(new Set(all.map(({ metadata }) => metadata.name)).size).toBe(all.length);
        for (const { metadata, spec } of all) {
            for (const rule of spec.egress ?? []) {
                expect(rule.to?.length, metadata.name).toBeGreaterThan(0);
            }
        }
    });

    it("let in and out the same connections of the replica's own parts", () => {
        const all = policiesOf(settings({ application: { redis: {}, pooler: {} } }), place);
        const edges = (direction: "ingress" | "egress") =>
            all.flatMap(({ metadata, spec }) =>
                (spec[direction] ?? []).flatMap((rule) => {
                    const peers = ("from" in rule ? rule.from : "to" in rule ? rule.to : undefined) ?? [];
                    return peers.flatMap(({ namespaceSelector, podSelector }) => {
                        const other = podSelector?.matchLabels["app.kubernetes.io/name"];
                        const ends = direction === "egress" ? [metadata.name, other] : [other, metadata.name];
                        return namespaceSelector === undefined && other !== undefined
                            ? `${ends.join(" to ")} at ${rule.ports?.map(({ port }) => port)}`
                            : [];
                    });
                }),
            );
        expect(edges("ingress").sort()).toEqual(edges("egress").sort());
        expect(edges("egress")).toContain("application to pooler at 6432");
    });
});

describe("a quota", () => {
    it("is a developer's by default, and anybody's who writes one, with what they leave open filled in", () => {
        const developer = { target: { namespace: undefined, developer: { user: "anna" } } };
        const own = { "requests.cpu": "800m", "limits.memory": "11008Mi", "requests.storage": "8192Mi", pods: "14" };
        expect(quotaOf(settings())).toBeUndefined();
        expect(quotaOf(settings(developer))).toEqual(own);
        expect(quotaOf(settings({ target: { quota: { cpu: "4", pods: 30 } } }))).toEqual({
            ...own,
            "requests.cpu": "4",
            pods: "30",
        });
    });

    it("is never less than what is written down as the least", () => {
        fc.assert(
            fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (replicas, more) => {
                const worker = { command: ["x"], replicas: more };
                const changes = { application: { replicas, workers: { worker } }, target: { quota: {} } };
                const hard = quotaOf(settings(changes)) ?? {};
                const quota = { cpu: hard["requests.cpu"], memory: hard["limits.memory"], pods: Number(hard.pods) };
                expect(problems({ ...changes, target: { quota } })).toEqual([]);
            }),
            { numRuns: 20 },
        );
    });
});

describe("a Service's name", () => {
    it.each([
        ["db.shop.svc", "shop"],
        ["db.shop.svc.cluster.local", "shop"],
        ["db.example.org", undefined],
        ["db.shop.svcx", undefined],
        ["db", undefined],
    ])("%s is of namespace %s", (host, expected) => {
        expect(namespaceOf(host)).toBe(expected);
    });
});

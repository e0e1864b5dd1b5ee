import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { assert, describe, expect, it } from "vitest";
import { Refusal } from "../../refusal";
import { parseSettings } from "../../settings";
import { databasesOf } from "../../settings/database";
import { bytes } from "../../settings/values";
import { tenMistakes } from "../mistakes";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const file = path.join(__dirname, "../../Pulumi.demo.yaml");
const config = configOf(readFileSync(file, "utf8"));

/** The demo's settings with some of them changed; `undefined` takes one away. */
function changed(changes: Record<string, unknown>): Record<string, string> {
    const result: Record<string, string> = { ...config };
    for (const [path, value] of Object.entries(changes)) {
        const [key, ...inner] = path.split(".") as [string, ...string[]];
        const full = `understudy:${key}`;
        const whole = inner.length === 0 ? value : withInner(JSON.parse(result[full] ?? "{}"), inner, value);
        if (whole === undefined) {
            delete result[full];
        } else {
            result[full] = typeof whole === "string" ? whole : JSON.stringify(whole);
        }
    }
    return result;
}

function withInner(object: Record<string, unknown>, [key, ...rest]: string[], value: unknown): object {
    const name = key ?? "";
    return rest.length === 0
        ? { ...object, [name]: value }
        : { ...object, [name]: withInner((object[name] ?? {}) as Record<string, unknown>, rest, value) };
}

const brought = { host: "db.example.org", passwordSecret: "admin" };
const bucket = { bucket: "shop", secret: "reader" };

function problems(changes: Record<string, unknown>): string[] {
    return problemsOf(() => parseSettings(changed(changes), "understudy", "demo"));
}

describe("a stack file", () => {
    it("may share production's own media, but not those in a bucket", () => {
        const shared = { media: { mode: "share-read-only" } };
        expect(parseSettings(changed(shared), "understudy", "demo").media).toEqual({
            mode: "share-read-only",
            minimumFiles: 1,
        });
        expect(problems({ ...shared, "source.media": { s3: bucket } })).toEqual([
            expect.stringMatching(/media\.mode is share-read-only, but source\.media is a bucket, .*: write copy$/),
        ]);
    });

    it("may keep production's owners in a namespace that lets the agent, but not those of a bucket", () => {
        const kept = { "media.owners": "production" };
        const level = { "target.podSecurity": "baseline" };
        const { media, target } = parseSettings(changed({ ...kept, ...level }), "understudy", "demo");
        expect([media, target]).toMatchObject([{ owners: "production" }, { podSecurity: "baseline" }]);
        expect(problems(kept)).toEqual([
            expect.stringMatching(
                /media\.owners is production, but target\.podSecurity is restricted, .*: write baseline there, or media\.owners: agent$/,
            ),
        ]);
        expect(problems({ ...kept, ...level, "source.media": { s3: bucket } })).toEqual([
            expect.stringMatching(/media\.owners is production, but source\.media is a bucket, .*: write agent$/),
        ]);
    });

    it("may bring a server, but none by the name of a Service of production's", () => {
        const on = (host: string, changes = {}) =>
            problems({
                ...{ ...changes, "database.volume": undefined, "database.server": { ...brought, host } },
                "isolation.server": [{ cidr: "10.1.2.3/32" }],
            });
        for (const host of [
            "database.production",
            "database.production.svc",
            "database.production.svc.cluster.local",
        ]) {
            expect(on(host)).toEqual([
                expect.stringMatching(
                    /database\.server\.host is \S+, a Service of production's namespace production: write/,
                ),
            ]);
        }
        for (const host of [
            "database",
            "database.staging.svc",
            "production.example.org",
            "db.production.example.org",
        ]) {
            expect(on(host), host).toEqual([]);
        }
        expect(on("database.production", { "source.context": "elsewhere" })).toEqual([]);
    });

    it("is accepted as committed, with defaults filled in", () => {
        expect(parseSettings(config, "understudy", "demo")).toMatchObject({
            imageTag: "1.0",
            database: { dump: "database", backup: "latest", maximumAge: 93_600, timeout: 900, keepGenerations: 1 },
            media: {
                ...{ timeout: 5400, accessMode: "ReadWriteOnce", sharing: "link", links: "refuse", exclude: [] },
                owners: "agent",
                ...{ maximumDeletions: 20, verify: { copied: 100, linked: 1 } },
            },
            target: { podSecurity: "restricted" },
            removeDatabaseVolume: true,
            removeMediaVolume: false,
        });
    });

    it("with ten mistakes gets ten sentences, each with its key and what to write", () => {
        const found = problems(tenMistakes);
        expect(found).toHaveLength(10);
        expect(found).toEqual(
            expect.arrayContaining([
                expect.stringMatching(/source\.namespace is "Production": write lower-case/),
                expect.stringMatching(/source\.media: write one of nfs: \{server, path\}, csi: .* or hostPath/),
                expect.stringMatching(/target\.contxt is not a setting; did you mean context\?/),
                expect.stringMatching(/imageTag is "latest": write the tag that production runs/),
                expect.stringMatching(/database\.name is "my-shop": write/),
                expect.stringMatching(/database\.maximumAge is "soon": write a time span/),
                expect.stringMatching(/database\.keepGenerations is -1: write at least 0/),
                expect.stringMatching(/media\.accessMode is "RWX": write ReadWriteMany or ReadWriteOnce/),
                expect.stringMatching(/media\.volume is missing: write text/),
                expect.stringMatching(/removeMediaVolume is "yes": write true or false/),
            ]),
        );
    });

    it.each([
        ["target.namespace", "production", /production's own/],
        [
            "target.namespace",
            undefined,
            /target\.namespace is missing: write the replica's namespace, or target\.developer/,
        ],
        ["target.developer", { user: "anna" }, /target\.developer makes it stack-anna-default: leave one of them out/],
        [
            "target",
            { context: "here", developer: { user: "a".repeat(60) } },
            /which is longer than 63: write a shorter name/,
        ],
        ["source.workload", { name: "Catalogue" }, /source\.workload\.name is "Catalogue": write lower-case/],
        ["source.namespace", undefined, /source\.workload is in no namespace: write source\.namespace/],
        [
            "source",
            { context: "elsewhere", database: { hostPath: "/a" }, media: { hostPath: "/b" } },
            /source\.context is where .*: write source\.namespace, or leave it out/,
        ],
        ["media.sharing", "reflink", /media\.sharing is "reflink": write link or clone or copy/],
        ["media.owners", "root", /media\.owners is "root": write agent or production/],
        ["target.podSecurity", "privileged", /target\.podSecurity is "privileged": write restricted or baseline/],
        ["media.links", "follow", /media\.links is "follow": write refuse or keep/],
        ["media.exclude", ["/cache"], /media\.exclude\.0 is "\/cache": write a glob below production's folder/],
        ["media.exclude", ["a/../b"], /media\.exclude\.0 is .*: write a glob below production's folder/],
        ["media.exclude", ["!keep"], /media\.exclude\.0 is .*: write a glob below production's folder/],
        ["media.exclude", ["cache["], /media\.exclude\.0 is .*: write a glob whose brackets are closed/],
        ["media.sentinel", "/mnt/here", /media\.sentinel is .*: write a path below production's folder/],
        ["media.sentinel", "../here", /media\.sentinel is .*: write a path below production's folder/],
        ["media.maximumDeletions", 101, /media\.maximumDeletions is 101: write at most 100/],
        ["media.mode", "share", /media\.mode is "share": write copy or share-read-only/],
        [
            "media",
            { mode: "share-read-only", sharing: "copy", minimumFiles: 5 },
            /media\.sharing is not a setting; known here: mode, minimumFiles, sentinel/,
        ],
        ["media.references", { query: "drop table a" }, /media\.references\.query is .*: write a SELECT of one column/],
        [
            "media.references",
            { query: "select 1", database: "shop" },
            /media\.references\.database is "shop", which the replica does not have: write catalogue/,
        ],
        ["media.verify", { linked: -1 }, /media\.verify\.linked is -1: write at least 0/],
        ["source.media", { hostPath: "/var/lib/understudy-demo/database" }, /the same store as source.database/],
        ["source.database", { hostPath: "/a", nfs: { server: "s", path: "/b" } }, /write one of nfs/],
        ["source.database", { claim: "backups", csi: { driver: "d", volumeHandle: "h" } }, /write one of nfs/],
        [
            "source.database",
            { claim: "database" },
            /claim is "database": write another claim: that one is the replica's/,
        ],
        ["source.database", { claim: "source-media-0a1b2c3d" }, /write another claim: that one is the replica's own/],
        ["source.database", { csi: { driver: "nfs.csi.k8s.io" } }, /csi\.volumeHandle is missing: write text/],
        ["source.database.hostPath", "relative/path", /write an absolute path/],
        ["source.database", { hostPath: "/a", s3: bucket }, /write one of nfs: .* s3: \{bucket, secret\} or/],
        ["source.database", { s3: { bucket: "shop" } }, /source\.database\.s3\.secret is missing: write text/],
        ["source.database", { s3: { ...bucket, bucket: "My Shop" } }, /s3\.bucket is "My Shop": write a bucket's name/],
        [
            "source.database",
            { s3: { ...bucket, prefix: "/backups" } },
            /s3\.prefix is .*: write a folder of the bucket/,
        ],
        ["source.database", { s3: { ...bucket, prefix: "a//b" } }, /s3\.prefix is .*: write a folder of the bucket/],
        [
            "source.database",
            { s3: { ...bucket, endpoint: "s3.example.org" } },
            /endpoint is .*: write an address such as/,
        ],
        ["source.database", { s3: { ...bucket, endpoint: "https://key:word@s3" } }, /endpoint is .*: write an address/],
        ["source.database", { s3: { ...bucket, provider: "My own" } }, /provider is .*: write one of rclone's names/],
        ["source.database", { s3: { ...bucket, secret: "Reader" } }, /secret is "Reader": write an object's name/],
        [
            "source.database",
            { s3: { ...bucket, acl: "private" } },
            /s3\.acl is not a setting; known here: bucket, prefix/,
        ],
        ["database.backup", "newest", /write latest, or the stamp/],
        ["database.dump", "cluster", /write database or server/],
        ["database.name", "postgres", /this one is every server's own/],
        ["database.name", "template1", /this one is every server's own/],
        ["database.owner", "x".repeat(47), /46 at most/],
        [
            "database.others",
            [
                { name: "audit", owner: "a" },
                { name: "catalogue", owner: "a" },
            ],
            /others holds catalogue a second time/,
        ],
        ["database.others", [{ name: "postgres", owner: "a" }], /others\.0\.name is "postgres": .* every server's own/],
        ["database.others", [{ name: "audit" }], /others\.0\.owner is missing/],
        ["database.expectedCount", 2, /expectedCount is 2, but database\.dump is database: write server, or leave out/],
        ["database.extensions", ["postgis", "a b"], /extensions\.1 is "a b": write the name of an extension, such as/],
        ["database.encoding", "utf8", /encoding is "utf8": write a character set as PostgreSQL calls it, such as UTF8/],
        ["database.locale", "en US", /locale is "en US": write a locale such as en_US\.UTF-8 or C/],
        ["database.locale", "C; drop", /locale is "C; drop": write a locale/],
        ["database.localeProvider", "glibc", /localeProvider is "glibc": write libc or icu or builtin/],
        ["database.localeProvider", "icu", /localeProvider is icu, but no locale is set: write database\.locale, or/],
        ["database.expectedCount", 0, /expectedCount is 0: write at least 1/],
        ["database.expectedCount", "two", /expectedCount is "two": write a whole number|write a number/],
        ["database.volume", undefined, /volume is missing: write the size of the server's volume, or database\.server/],
        ["database.server", brought, /volume is 2Gi, but database\.server keeps its data .*: leave one of them out/],
        ["database.server", { host: "db.example.org" }, /server\.passwordSecret is missing: write text/],
        [
            "database.server",
            { ...brought, host: "db:5433" },
            /host is "db:5433": write a host name .* without its port/,
        ],
        ["database.server", { ...brought, host: "db port=1" }, /server\.host is .*: write a host name/],
        ["database.server", { ...brought, port: 0 }, /server\.port is 0: write at least 1/],
        ["database.server", { ...brought, passwordSecret: "database" }, /write another Secret: .* the replica's own/],
        ["database.server", { ...brought, passwordSecret: "login-0a1b2c3d4e" }, /write another Secret/],
        [
            "database.server",
            { ...brought, password: "x" },
            /server\.password is not a setting; known here: host, port, user, passwordSecret/,
        ],
        ["application.nodePort", 80, /at least 30000/],
        ["application.environment", { "no-name": "x" }, /write a variable's name/],
        ["application.command", [], /command: write at least one entry/],
        ["application.ingress", { host: "10.0.0.1" }, /ingress\.host is "10\.0\.0\.1": write a DNS name/],
        ["application.ingress", { host: `${"a.".repeat(126)}example` }, /ingress\.host is .*: write a DNS name/],
        [
            "application.ingress",
            { host: "a.example", isuer: "x" },
            /ingress\.isuer is not a setting; did you mean issuer/,
        ],
        ["application.ingress", { issuer: "x" }, /application\.ingress: write either host or domain/],
        ["application.ingress", { host: "a.example", domain: "example" }, /write either host or domain/],
        ["application.ingress", { domain: `${"a.".repeat(92)}example` }, /domain is .*: write a shorter name, 189/],
        ["application.banner", false, /application\.banner is false: write its settings below it/],
        ["application.banner", { enabled: "no" }, /banner\.enabled is "no": write true or false/],
        ["application.banner", { contcat: "us" }, /banner\.contcat is not a setting; did you mean contact\?/],
        ["application.pooler", { minPoolSize: 0 }, /pooler\.minPoolSize is 0: write at least 1/],
        ["application.pooler", { maxConnections: 8 }, /minPoolSize is 16: write no more than maxConnections, .* 8/],
        ["application.workers", { pooler: { command: ["x"] } }, /workers\.pooler: write another name/],
        ["application.secrets", ["key"], /secrets\.0 is "key": write a variable's name/],
        ["application.secrets", ["KEY", "KEY"], /secrets: write each name once/],
        ["application.secrets", ["PGHOST"], /secrets\.0 is "PGHOST": write another name/],
        ["application.resources", { memoryLimit: "32Mi" }, /memoryRequest is "64Mi": write no more than .* 32Mi/],
        ["application.resources", { cpuRequest: "0.5" }, /cpuRequest is "0\.5": write a number of processors/],
        ["application.restart", 1, /restart is 1: write text \(numbers in quotes\)/],
        ["target.pullSecret", "Registry", /pullSecret is "Registry": write an object's name/],
        ["nonsense", "x", /nonsense is not a setting; known here: role, source, target/],
    ])("with %s %j is refused", (key, value, expected) => {
        expect(problems({ [key]: value }).join("\n")).toMatch(expected);
    });

    it("that brings a server gets PostgreSQL's own port and superuser, and needs no volume", () => {
        const there = { "isolation.server": [{ cidr: "10.1.2.3/32" }] };
        const config = changed({ "database.server": brought, "database.volume": undefined, ...there });
        const { server, volume } = parseSettings(config, "understudy", "demo").database;
        expect(server).toEqual({ ...brought, port: 5432, user: "postgres" });
        expect(volume).toBeUndefined();
    });

    it("tells what databases are in production where that is not the same", () => {
        const production = { name: "Shop-1" };
        const others = [{ name: "audit", owner: "a", production: { name: "audit", owner: "a" } }];
        const { database } = parseSettings(
            changed({ "database.production": production, "database.others": others }),
            "understudy",
            "demo",
        );
        const [application, audit] = databasesOf(database);
        const { name, owner } = database;
        expect(application).toEqual({ name, owner, production: { name: "Shop-1", owner } });
        expect(audit).toEqual({ name: "audit", owner: "a" });
    });

    it("that expects fewer databases than it restores is refused", () => {
        const others = [{ name: "audit", owner: "a" }];
        const count = (expectedCount: number) =>
            problems({ "database.others": others, "database.dump": "server", "database.expectedCount": expectedCount });
        expect(count(1)).toEqual([expect.stringContaining("but 2 databases are restored: write at least 2")]);
        expect(count(2)).toEqual([]);
    });

    it("whose workers have the replica's own names, or no names, gets a sentence for each", () => {
        const worker = { command: ["work"] };
        const own = [
            "application",
            "banner",
            "certificate",
            "database",
            "default-deny",
            "dns",
            "redis",
            "mail",
            "agent",
            "media",
            "switch",
            "retire",
            "source-media",
        ];
        const found = problems({
            "application.workers": Object.fromEntries([...own, "Queue", "queue"].map((name) => [name, worker])),
        });
        expect(found).toEqual([
            ...own.map((name) => expect.stringMatching(`application.workers.${name}: write another name`)),
            expect.stringMatching("application.workers.Queue: write lower-case letters"),
        ]);
    });

    it("whose worker is not understood gets the worker's settings named", () => {
        expect(problems({ "application.workers": { queue: { comand: ["work"] } } })).toEqual([
            expect.stringMatching("application.workers.queue.command is missing: write a list"),
            expect.stringMatching("application.workers.queue.comand is not a setting; did you mean command?"),
        ]);
    });

    it("that says of the application what cannot both be meant is refused with all of it", () => {
        const found = problems({
            "application.environment": { KEY: "x" },
            "application.secrets": ["KEY"],
            "application.workers": { beat: { command: ["tick"], single: true, replicas: 2 } },
        });
        expect(found).toEqual([
            expect.stringMatching("application.secrets holds KEY, which application.environment sets too"),
            expect.stringMatching("application.workers.beat.replicas is 2: write 1, or leave out single"),
        ]);
    });

    it("of another project in the same configuration is left alone", () => {
        expect(() => parseSettings({ ...config, "aws:region": "x" }, "understudy", "demo")).not.toThrow();
    });

    it("is refused in a sentence for each problem, whatever is in it, and never with a crash", () => {
        fc.assert(
            fc.property(fc.dictionary(fc.constantFrom(...Object.keys(config)), fc.jsonValue()), (changes) => {
                const texts = Object.entries(changes).map(([key, value]) => [key, JSON.stringify(value)]);
                try {
                    parseSettings({ ...config, ...Object.fromEntries(texts) }, "understudy", "demo");
                } catch (error) {
                    assert(error instanceof Refusal);
                    expect(error.message).toMatch(/^Pulumi\.demo\.yaml has \d+ problems?:\n {2}understudy:/);
                }
            }),
        );
    });
});

describe("bytes", () => {
    it("are those of the size as Kubernetes reads it", () => {
        expect(bytes("1Ki")).toBe(1024);
        expect(bytes("20Gi")).toBe(20 * 1024 ** 3);
        expect(bytes("1.5G")).toBe(1_500_000_000);
        expect(bytes("2147483648")).toBe(2 * 1024 ** 3);
    });
});

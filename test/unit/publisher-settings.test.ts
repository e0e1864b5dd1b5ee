import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseSettings, parseStack } from "../../settings";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const file = readFileSync(path.join(__dirname, "../../Pulumi.production.yaml"), "utf8");
const { source, database, store } = Object.fromEntries(
    Object.entries(configOf(file)).map(([key, text]) => [
        key.slice(11),
        text.startsWith("{") ? JSON.parse(text) : text,
    ]),
);
const least = {
    role: "source",
    source: { context: source.context, namespace: source.namespace },
    database: { host: database.host, passwordSecret: database.passwordSecret, names: ["frag"] },
    store: { claim: store.claim },
};

function parse(settings: object) {
    const texts = Object.entries(settings).map(([key, value]) => [
        `understudy:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
    ]);
    return parseStack(Object.fromEntries(texts), "understudy", "production");
}

function problems(settings: object): string[] {
    return problemsOf(() => parse(settings));
}

/** What is wrong with the least settings when these are added to their database. */
const withDatabase = (more: object) => problems({ ...least, database: { ...least.database, ...more } });

describe("a stack file of production's side", () => {
    it("needs little, and keeps tiers as the playbooks did", () => {
        expect(parse(least)).toMatchObject({
            schedule: "51 * * * *",
            verifySchedule: "17 3 * * 0",
            database: {
                ...{ port: 5432, user: "postgres", passwordKey: "password", dump: "database", format: "directory" },
                ...{ jobs: 2, excludeTableData: [], migrations: {}, image: "postgres:15-bookworm", timeout: 3000 },
            },
            store: { tiers: true, keep: { hourly: 24, daily: 7, weekly: 4, monthly: 12 } },
        });
    });

    it("for a store of replicas alone makes two backups, in the night", () => {
        expect(parse({ ...least, store: { ...least.store, tiers: false } })).toMatchObject({
            schedule: "4 2 * * *",
            store: { keep: { hourly: 2, daily: 0, weekly: 0, monthly: 0 } },
        });
    });

    it("that sets some numbers and a schedule of its own keeps the others", () => {
        const own = { ...least, schedule: "*/30 * * * *", store: { ...least.store, keep: { hourly: 48, weekly: 0 } } };
        expect(parse(own)).toMatchObject({
            schedule: "*/30 * * * *",
            store: { keep: { hourly: 48, daily: 7, weekly: 0, monthly: 12 } },
        });
    });

    it("for a whole server is plain", () => {
        const server = { ...least, database: { ...least.database, names: [], dump: "server" } };
        expect(parse(server)).toMatchObject({ database: { format: "plain", names: [] } });
    });

    it("of MySQL is plain, and has MariaDB's own port, administrator and image", () => {
        const mysql = { ...least, database: { ...least.database, engine: "mysql" } };
        expect(parse(mysql)).toMatchObject({
            database: { format: "plain", port: 3306, user: "root", image: "mariadb:10.11" },
        });
        const found = withDatabase({
            ...{ engine: "mysql", format: "directory", jobs: 4, excludeTableData: ["log"], dump: "server" },
            migrations: { frag: "select 1" },
        });
        for (const key of ["dump", "format", "jobs", "excludeTableData", "migrations"]) {
            expect(found).toContainEqual(
                expect.stringContaining(`database.${key} is written, but database.engine is mysql`),
            );
        }
        expect(found).toHaveLength(5);
    });

    it("with ten mistakes gets a sentence for each", () => {
        const found = problems({
            role: "source",
            source: { context: "production", namespace: "Production" },
            database: { hots: "database", names: ["my-shop"], migrations: { frag: "" }, jobs: 0, timeout: "soon" },
            store: { claim: "backups", keep: { hourly: 0, dayly: 3 } },
            schedule: "hourly",
            image: "x",
        });
        for (const expected of [
            /source\.namespace is "Production": write lower-case/,
            /database\.hots is not a setting; did you mean host\?/,
            /database\.host is missing: write text/,
            /database\.passwordSecret is missing: write text/,
            /database\.names\.0 is "my-shop": write/,
            /database\.migrations\.frag is "": write some text/,
            /database\.jobs is 0: write at least 1/,
            /database\.timeout is "soon": write a time span/,
            /store\.keep\.hourly is 0: write at least 1/,
            /store\.keep\.dayly is not a setting; did you mean daily\?/,
            /schedule is "hourly": write the five fields of a schedule/,
            /image is not a setting; known here: role, source, database, store, offsite/,
        ]) {
            expect(found).toContainEqual(expect.stringMatching(expected));
        }
        expect(found).toHaveLength(12);
    });

    it.each([
        [{ names: [] }, /database\.names is missing: write the databases to back up, or database\.dump: server/],
        [{ names: ["a", "a"] }, /database\.names is a, a: write each database once/],
        [{ names: ["dumpall"] }, /names holds dumpall, which names backups of whole servers/],
        [{ dump: "server" }, /database\.names is written, but database\.dump is server/],
        [{ dump: "server", names: [], excludeTableData: ["a"] }, /excludeTableData is written, but .* is server/],
        [{ dump: "server", names: [], format: "directory" }, /format is directory, but database\.dump is server/],
        [{ migrations: { other: "select 1" } }, /migrations\.other is of no database in database\.names/],
        [{ format: "plain", jobs: 4 }, /jobs is 4, but a plain dump comes through one connection: leave it out/],
    ])("whose database says %j is refused", (more, expected) => {
        expect(withDatabase(more)).toEqual([expect.stringMatching(expected)]);
    });

    it("for replicas alone with a tier is refused", () => {
        const contradicting = { ...least, store: { ...least.store, tiers: false, keep: { daily: 7 } } };
        expect(problems(contradicting)).toEqual([
            expect.stringMatching(/store\.keep\.daily is 7, but store\.tiers is false: leave one of them out/),
        ]);
    });

    it("publishes no media unless they are named, and then as the playbooks did", () => {
        expect(parse(least)).not.toHaveProperty("media");
        expect(parse({ ...least, media: { claim: "media", store: "media-replica" } })).toMatchObject({
            media: {
                ...{ claim: "media", store: "media-replica", schedule: "4 2 * * *", verifySchedule: "37 3 * * 0" },
                ...{ exclude: [], links: "refuse", minimumFiles: 1, maximumDeletions: 20, timeout: 21_600 },
            },
        });
    });

    it.each([
        [{ claim: "media" }, /media\.store is missing: write text/],
        [{ claim: "media", store: "media" }, /media\.store is media, and so is media\.claim: give each a claim/],
        [{ claim: store.claim, store: "replica" }, /media\.claim is database-backup, and so is store\.claim: give/],
        [{ claim: "media", store: store.claim }, /media\.store is database-backup, and so is store\.claim: give/],
        [{ claim: "media", store: "replica", schedule: "daily" }, /media\.schedule is "daily": write the five fields/],
        [
            { claim: "media", store: "replica", maximumDeletions: 101 },
            /media\.maximumDeletions is 101: write at most 100/,
        ],
        [{ claim: "media", store: "replica", exclude: ["/tmp"] }, /media\.exclude\.0 is "\/tmp": write a glob below/],
        [{ claim: "media", store: "replica", direction: "BtoA" }, /media\.direction is not a setting/],
    ])("whose media say %j is refused", (media, expected) => {
        expect(problems({ ...least, media })).toEqual([expect.stringMatching(expected)]);
    });

    it("has no word for a bucket that everybody can read", () => {
        const offsite = { bucket: "backups", secret: "writer", acl: "public-read" };
        expect(problems({ ...least, offsite })).toEqual([expect.stringMatching(/offsite\.acl is not a setting/)]);
    });

    it("is no replica's, and one with another role neither", () => {
        const config = configOf(file);
        expect(() => parseSettings(config, "understudy", "production")).toThrow(
            "Pulumi.production.yaml is production's side (role: source), which has no copies",
        );
        expect(problems({ ...least, role: "sorce" })).toContainEqual(
            expect.stringMatching(/role is "sorce": write replica or source/),
        );
    });
});

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { type DatabaseReport, databaseReport } from "../../contract/report";
import { sweep } from "../sweep";
import { sha256 } from "./copied";
import { type Publisher, startPublisher } from "./publisher";
import { aside, ids, type Replica, stampBefore, startReplica } from "./replica";
import { startServer } from "./server";

let publisher: Publisher;
let replica: Replica;

/** Production's databases, by their encoding; each has the word café, the one in SQL_ASCII as the bytes of LATIN1. */
const production = { latin: "LATIN1", bytes: "SQL_ASCII", shop: "UTF8", euro: "UTF8" };

beforeAll(async () => {
    const server = await startServer();
    await server.query("postgres", "create role shop login");
    for (const [name, encoding] of Object.entries(production)) {
        const locale = encoding === "UTF8" ? "" : "locale 'C'";
        await server.query(
            "postgres",
            `create database ${name} owner shop template template0 encoding '${encoding}' ${locale}`,
        );
        await server.query(name, "create table word (n integer primary key, text text); create index on word (text)");
    }
    await server.query("latin", `insert into word values (1, 'café'); create table "élan" as select 'été'::text as a`);
    await server.query("bytes", "set client_encoding to SQL_ASCII; insert into word values (1, E'caf\\xe9')");
    await server.query("shop", "insert into word values (1, 'café'), (2, 'Bar'), (3, 'bar')");
    await server.query("euro", "insert into word values (1, '5 €')");
    [publisher, replica] = await Promise.all([startPublisher(server), startReplica()]);
    await publisher.published((plan) => Object.assign(plan, { databases: Object.keys(production) }));
});
afterAll(() => Promise.all([publisher?.stop(), replica?.stop()]));

let copies = 0;

/** Makes a copy of one of production's databases, with these settings of its text. */
async function copied(name: keyof typeof production, change: Partial<Plan["database"]> = {}) {
    copies += 1;
    const id = copies.toString(16).padStart(10, "0");
    const plan = replica.plan(id, ids[0], ({ database }) => {
        Object.assign(database, { backups: publisher.store, maximumAge: 86_400 }, change);
        database.databases = [{ name: "shop", owner: "shop", production: { name, owner: "shop" } }];
    });
    plan.imageTag = "2026.10.1";
    const ending = await replica.run("prepare-database", plan);
    const [row] = await replica.server.query("postgres", `select report from understudy.generation where id = '${id}'`);
    return { ...ending, id, report: row?.report as DatabaseReport | undefined };
}

/** The same, which has to end well, with what its bytes are on the server. */
async function proven(...asked: Parameters<typeof copied>) {
    const { status, log, id, report } = await copied(...asked);
    expect(status, log).toBe(0);
    const [text] = await replica.server.query(
        aside(id),
        "set client_encoding to SQL_ASCII; select encode(convert_to(text, getdatabaseencoding()), 'hex') as hex from word where n = 1",
    );
    return { id, hex: text?.hex, report: databaseReport.parse(report) };
}

const plainly = { name: "C", provider: "libc" } as const;
const [asUtf8, asLatin] = ["636166c3a9", "636166e9"];

describe("text of production", () => {
    test("in LATIN1 is proven in a copy in UTF8, whose report says that it is stored and sorted in another way", async () => {
        const { hex, report } = await proven("latin");
        expect(hex).toBe(asUtf8);
        expect(report.tables["public.word"]).toEqual({ rows: 1, bytes: 8, sha256: sha256("1\tcafé\n") });
        expect(report.tables['public."élan"']).toMatchObject({ rows: 1, sha256: sha256("été\n") });
        expect(report.unknown).toEqual(
            expect.arrayContaining([
                "whether text can be written as in production: the encoding is UTF8 here, and LATIN1 there",
                "whether text sorts as in production: the collation is C.UTF-8 here, and C there",
            ]),
        );
    });

    test("in LATIN1 is so in the copy where that is set, and then nothing is said", async () => {
        const { hex, report } = await proven("latin", { encoding: "LATIN1", locale: plainly });
        expect(hex).toBe(asLatin);
        expect(report.unknown.join()).not.toMatch(/encoding|collation/);
    });

    test("in UTF8 is proven in a copy in LATIN1 or SQL_ASCII, if it fits", async () => {
        const latin = await proven("shop", { encoding: "LATIN1", locale: plainly });
        const bytes = await proven("shop", { encoding: "SQL_ASCII", locale: plainly });
        expect([latin.hex, bytes.hex]).toEqual([asLatin, asUtf8]);
        expect(bytes.report.tables).toEqual(latin.report.tables);
    });

    test("that has no place in the copy's encoding fails the load in a sentence, and the copy in use is untouched", async () => {
        const before = await replica.server.content();
        const { status, sentence } = await copied("euro", { encoding: "LATIN1", locale: plainly });
        expect(status).toBe(1);
        expect(sentence).toMatch(
            /The backup .*-euro cannot be loaded\. PostgreSQL says: .* has no equivalent in encoding "LATIN1"; database\.encoding is LATIN1: set it to production's own\.$/,
        );
        expect(await replica.server.content()).toBe(before);
    });

    test("of which the server knows only the bytes is the same bytes in a copy like it, and proven", async () => {
        const { hex, report } = await proven("bytes", { encoding: "SQL_ASCII", locale: plainly });
        expect(hex).toBe(asLatin);
        expect(report.tables["public.word"]?.sha256).toBe(sha256(Buffer.from("1\tcafé\n", "latin1")));
        const latin = await proven("bytes", { encoding: "LATIN1", locale: plainly });
        expect(latin.hex).toBe(asLatin);
    });

    test("of which the server knows only the bytes is no UTF8, and that is said", async () => {
        const { status, sentence } = await copied("bytes");
        expect(status).toBe(1);
        expect(sentence).toMatch(
            /invalid byte sequence for encoding "UTF8".*; database\.encoding is UTF8: set it to production's own\.$/,
        );
    });

    test("is read from a plain dump in production's encoding, but for names that are not ASCII", async () => {
        const own = { backups: `${replica.folder}/store` };
        for (const [stamp, options] of [
            [stampBefore(90), ["--table=word"]],
            [stampBefore(60), []],
        ] as const) {
            const backup = await publisher.production.tool("pg_dump", [...options, "latin"]);
            expect(backup.toString("latin1")).toContain("SET client_encoding = 'LATIN1'");
            replica.store(stamp, gzipSync(backup), "latin");
        }
        const [word = "", all = ""] = readdirSync(`${replica.folder}/store/hourly`).map((name) => name.slice(7, 27));
        expect((await proven("latin", { ...own, backup: word })).hex).toBe(asUtf8);
        const { status, sentence } = await copied("latin", { ...own, backup: all });
        expect(status).toBe(1);
        expect(sentence).toMatch(
            /has a table whose name is not in UTF8, .* \(pg_dump --encoding=UTF8 writes it so\): make/,
        );
    });
});

describe("a locale", () => {
    test("of ICU sorts the copy, and the report names it beside production's", async () => {
        const { id, report } = await proven("shop", { locale: { name: "en-US", provider: "icu" } });
        const sorted = await replica.server.query(
            aside(id),
            "select string_agg(text, ' ' order by text) as all from word",
        );
        expect(sorted).toEqual([{ all: "bar Bar café" }]);
        expect(report.unknown).toContain(
            "whether text sorts as in production: the collation is en-US (icu) here, and C.UTF-8 there",
        );
    });

    test("of another version than production's is named with both", async () => {
        const [stem = ""] = publisher.names("hourly").flatMap((name) => /^(.*-shop)\.json$/.exec(name)?.[1] ?? []);
        const path = `${publisher.store}/hourly/${stem}.json`;
        const before = readFileSync(path, "utf8");
        const manifest = JSON.parse(before);
        Object.assign(manifest.databases.shop, { collation: "EN-us (icu)", collationVersion: "1.0" });
        writeFileSync(path, JSON.stringify(manifest));
        const { report } = await proven("shop", { locale: { name: "en-US", provider: "icu" } });
        expect(report.unknown.join()).toMatch(
            /whether text sorts as in production: the collation en-US \(icu\) is of version [\d.]+ here, and 1\.0 there/,
        );
        writeFileSync(path, before);
    });

    sweep([
        [{ name: "xx_XX.UTF-8", provider: "libc" }, "UTF8", /locale xx_XX\.UTF-8 \(libc\).*invalid locale name/],
        [{ name: "C.UTF-8", provider: "libc" }, "LATIN1", /encoding LATIN1 and .*"LATIN1" does not match locale/],
        [{ name: "nonsense", provider: "icu" }, "UTF8", /locale nonsense \(icu\).*has no such language/],
        [
            { name: "C.UTF-8", provider: "builtin" },
            "UTF8",
            /locale C\.UTF-8 \(builtin\).*cannot be made on this server/,
        ],
        [undefined, "LATIN1", /encoding LATIN1 and its own locale, as database\.encoding and database\.locale ask for/],
        [undefined, "SJIS", /SJIS is not a valid encoding name/],
    ] as const)(
        "%j that does not fit the server and %s is refused before anything is made",
        async (locale, encoding, says) => {
            const before = await replica.server.content();
            const { status, sentence } = await copied("shop", { encoding, ...(locale && { locale }) });
            expect(sentence).toMatch(says);
            expect(sentence).toMatch(/PostgreSQL 15\.\d+ there has encoding UTF8 and collation C\.UTF-8 by itself/);
            expect(status).toBe(3);
            expect(await replica.server.content()).toBe(before);
        },
    );
});

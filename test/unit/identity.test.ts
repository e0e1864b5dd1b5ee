import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { problemsOf as problemsWith, rewritableIn, tablesOf } from "../../agent/neutral/identity/check";
import { needles } from "../../agent/neutral/identity/look";
import type { Column } from "../../agent/neutral/mask/columns";
import { describeRewrites } from "../../cli/rewrites";
import { generationsOf } from "../../components/generations";
import { identityPlanOf, identityVolume, rewritesPlanOf } from "../../components/identity";
import { jobsOf } from "../../components/jobs";
import type { DatabaseIdentity } from "../../contract/identity";
import { parseSettings, type Settings } from "../../settings";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const config = configOf(readFileSync(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8"));
const parse = (identity: object): Settings =>
    parseSettings({ ...config, "understudy:identity": JSON.stringify(identity) }, "understudy", "demo");

const rewrite = [{ from: "https://shop.example.org", to: "https://shop.staging.example.org" }];
const secret = { secret: "staging", key: "client-secret" };

describe("the settings of identity", () => {
    it.each<[string, object, RegExp[]]>([
        [
            "names that are none",
            {
                rewrite: [
                    { from: "https://shop.example.org/", to: "https://a.example.org" },
                    { from: "localhost", to: "a" },
                    { from: "münchen.example", to: "a" },
                ],
            },
            [
                /identity\.rewrite\.0\.from is "https:.*": write a host name such as/,
                /identity\.rewrite\.1\.from is "localhost": write a name with a dot/,
                /identity\.rewrite\.2\.from is .*: write a host name .*xn--/,
            ],
        ],
        [
            "a host in the place of an address",
            { rewrite: [{ from: "https://shop.example.org", to: "shop.staging.example.org" }] },
            [
                /identity\.rewrite\.0 makes shop.* of https.*: write two addresses with a scheme, two host names, or two folders/,
            ],
        ],
        [
            "a new name that another rule takes away",
            {
                rewrite: [
                    { from: "a.example.org", to: "b.example.org" },
                    { from: "b.example.org", to: "c.example.org" },
                ],
            },
            [
                /identity\.rewrite\.0\.to holds b\.example\.org, which identity\.rewrite\.1 takes away: write another name/,
            ],
        ],
        [
            "two rules for one name",
            { rewrite: [...rewrite, { from: "https://SHOP.example.org", to: "https://b.example.org" }] },
            [/identity\.rewrite\.1\.from is .*, which a rule before has too/],
        ],
        [
            "columns without a rule",
            { columns: ["page.body"] },
            [/identity names columns to rewrite, but identity\.rewrite has no rule: write from and to/],
        ],
        [
            "a database that there is not",
            { others: { audit: { empty: ["session"] } } },
            [/identity\.others\.audit is none of database\.others: there are none/],
        ],
        [
            "rows that are set where there are none, and nothing that is set",
            { empty: ["session"], set: [{ table: "session", columns: {} }] },
            [
                /identity\.set is about session, which identity\.empty leaves without rows/,
                /identity\.set\.0\.columns is empty/,
            ],
        ],
        [
            "a table that is kept twice, or without a key",
            {
                preserve: [
                    { table: "flag", key: ["name"] },
                    { table: "flag", key: ["id"] },
                ],
            },
            [/identity\.preserve names flag twice/],
        ],
        [
            "no key",
            { preserve: [{ table: "flag", key: [] }] },
            [/identity\.preserve\.0\.key: write at least one entry/],
        ],
        [
            "a floor that is none",
            { sequences: { floor: "high" } },
            [/identity\.sequences\.floor.*: write a whole number/],
        ],
        ["what is no setting", { preserved: [] }, [/identity\.preserved is not a setting; did you mean preserve\?/]],
    ])("refuse %s", (_, identity, reasons) => {
        expect(problemsOf(() => parse(identity))).toEqual(reasons.map((reason) => expect.stringMatching(reason)));
    });

    it("may make a sub-domain of a name", () => {
        const rules = [{ from: "example.org", to: "staging.example.org" }];
        expect(parse({ rewrite: rules }).identity?.rewrite).toEqual(rules);
    });
});

describe("identity", () => {
    const all = {
        rewrite,
        sequences: { floor: 1000 },
        set: [{ table: "client", columns: { name: "x", limits: 5, secret, gone: null }, where: "id = 1" }],
    };

    it("is what the agent is told, with files in the place of Secrets", () => {
        expect(identityPlanOf(parse(all))).toEqual({
            rewrite,
            databases: {
                catalogue: {
                    ...{ columns: "all", except: [], empty: [], preserve: [], floor: 1000 },
                    set: [
                        {
                            table: "client",
                            columns: {
                                ...{ name: "x", limits: "5", gone: null },
                                secret: { file: "/secrets/identity/staging/client-secret" },
                            },
                            where: "id = 1",
                        },
                    ],
                },
            },
        });
        expect(identityVolume(parse(all))).toEqual({
            projected: {
                sources: [
                    { secret: { name: "staging", items: [{ key: "client-secret", path: "staging/client-secret" }] } },
                ],
            },
        });
        expect(identityVolume(parse({ rewrite }))).toBeUndefined();
    });

    it("makes another copy when it is another one, and the same when it is the same", () => {
        const id = (identity: object) => generationsOf(parse(identity)).database;
        expect(id(all)).toBe(id({ ...all }));
        expect(id(all)).not.toBe(id({ rewrite }));
        expect(generationsOf(parse(all)).media).toBe(generationsOf(parse({ rewrite })).media);
    });

    it("of a count is the rules alone, and what is set is not among its arguments", () => {
        const args = jobsOf(parse(all), { stack: "understudy/demo", namespace: "replica" })["count-rewrites"];
        expect(args.rewrites).toEqual(rewritesPlanOf(parse(all)));
        expect(args.rewrites?.databases.catalogue).toEqual({
            ...{ columns: "all", except: [], empty: [], set: [], preserve: [] },
        });
    });
});

const column = (name: string, more: Partial<Column> = {}): Column => ({
    ...{ schema: "public", table: "page", name, type: "text", base: "text", form: "plain" },
    ...{ kind: "text", isWritten: true, length: undefined, isRequired: false, isGenerated: false },
    ...{ owner: "shop", isPartitioned: false, ...more },
});

describe("the columns that are rewritten", () => {
    const tables = tablesOf([
        ...[column("body"), column("title"), column("id", { form: null, type: "integer" })],
        ...[column("upper", { isGenerated: true }), column("text", { schema: "other", table: "memo" })],
    ]);
    const wanted = (more: Partial<DatabaseIdentity>): DatabaseIdentity => ({
        ...{ columns: "all", except: [], empty: [], set: [], preserve: [], ...more },
    });
    const names = (more: Partial<DatabaseIdentity>) => rewritableIn(tables, wanted(more)).map(({ name }) => name);

    it("are all with text that the server does not compute, or those that are named, but for the excepted ones", () => {
        expect(names({})).toEqual(["body", "title", "text"]);
        expect(names({ columns: ["page.title", "other.memo"] })).toEqual(["title", "text"]);
        expect(names({ columns: ["page"], except: ["page.body"] })).toEqual(["title"]);
        expect(names({ except: ["page"] })).toEqual(["text"]);
    });

    it("have to be there, and to hold text", () => {
        expect(problemsWith(tables, wanted({ columns: ["page", "memo"], except: ["page.x"] }))).toEqual([
            "identity.columns names memo, which is neither a table nor table.column",
            "identity.except names page.x, which is neither a table nor table.column",
        ]);
        expect(problemsWith(tables, wanted({ columns: ["page.id"] }))).toEqual([
            "identity.columns names page.id, which is of type integer: it has no text to rewrite",
        ]);
        expect(problemsWith(tables, wanted({ set: [{ table: "page", columns: { upper: "X" } }] }))).toEqual([
            "identity.set names page.upper, which the server computes out of others",
        ]);
    });

    it("are asked first for what all hosts have in common, if that is more than an ending", () => {
        expect(needles(["shop.example.org", "shop.example.org"])).toEqual(["shop.example.org"]);
        expect(needles(["shop.example.org", "cdn.example.org", "example.org"])).toEqual(["example.org"]);
        expect(needles(["shop.example.org", "cdn.another.org"])).toEqual(["shop.example.org", "cdn.another.org"]);
    });
});

describe("a count for people", () => {
    it("has a line for each column, or says that there is nothing", () => {
        expect(describeRewrites({ shop: { "public.page.body": 2, "other.memo.text": 1 }, audit: {} })).toBe(
            "shop: page.body 2 rows\nshop: other.memo.text 1 row",
        );
        expect(describeRewrites({ shop: {} })).toMatch(/holds nothing of what identity\.rewrite names/);
    });
});

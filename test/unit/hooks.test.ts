import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statementsOf } from "../../agent/neutral/statements";
import { generationsOf } from "../../components/generations";
import { hooksPlanOf, hooksVolume, reasonsOfHooks } from "../../components/hooks";
import { parseSettings, type Settings } from "../../settings";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const root = path.join(__dirname, "../..");
const config = configOf(readFileSync(path.join(root, "Pulumi.demo.yaml"), "utf8"));

/** A file beside the stack file, for these tests alone. */
const file = `hook-${process.pid}.sql`;
beforeAll(() => writeFileSync(path.join(root, file), "delete from session;\n"));
afterAll(() => rmSync(path.join(root, file)));

const parse = (hooks: object, more: object = {}): Settings =>
    parseSettings({ ...config, "understudy:hooks": JSON.stringify(hooks), ...more }, "understudy", "demo");

describe("the settings of hooks", () => {
    it("hold the text of a file, and the defaults", () => {
        const { hooks } = parse({ afterRestore: [{ file }, { sql: "select 1", transaction: false }] });
        expect(hooks).toEqual({
            afterRestore: [
                { file, sql: "delete from session;\n", transaction: true },
                { sql: "select 1", transaction: false },
            ],
            ...{ beforeSwitch: [], afterSwitch: [], afterStart: [], variables: {}, secrets: {}, timeout: 600 },
        });
    });

    it.each<[string, object, RegExp]>([
        ["neither", { afterRestore: [{ database: "catalogue" }] }, /hooks\.afterRestore\.0: write either file or sql/],
        ["both", { afterRestore: [{ file, sql: "select 1" }] }, /hooks\.afterRestore\.0: write either file or sql/],
        [
            "no such file",
            { afterRestore: [{ file: "none.sql" }] },
            /hooks\.afterRestore\.0: file "none\.sql" cannot be read \(ENOENT\)/,
        ],
        [
            "a file elsewhere",
            { afterRestore: [{ file: "../x.sql" }] },
            /hooks\.afterRestore\.0\.file is .*: write the path of a file in the stack file's folder/,
        ],
        [
            "another key",
            { afterRestore: [{ fil: "x", sql: "select 1" }] },
            /hooks\.afterRestore\.0\.fil is not a setting; did you mean file\?/,
        ],
        ["another point", { afterRestart: [] }, /hooks\.afterRestart is not a setting; did you mean afterRestore\?/],
        [
            "a strange database",
            { afterSwitch: [{ sql: "select 1", database: "shop" }] },
            /hooks\.afterSwitch\.0\.database is "shop", which the replica does not have: write catalogue/,
        ],
        [
            "a name with a dash",
            { variables: { "a-b": "x" } },
            /hooks\.variables.*: write lower-case letters, digits and underscores/,
        ],
        [
            "a name twice",
            { variables: { a: "x" }, secrets: { a: { secret: "s", key: "k" } } },
            /hooks\.secrets holds a, which hooks\.variables sets too/,
        ],
        [
            "too much",
            { afterRestore: [{ sql: `select '${"x".repeat(262_200)}'` }] },
            /hooks hold 262209 bytes of SQL: write at most 262144/,
        ],
    ])("refuse %s", (_, hooks, reason) => {
        expect(problemsOf(() => parse(hooks))).toEqual([expect.stringMatching(reason)]);
    });

    it("refuse what is to run when an application has started, where there is none", () => {
        const { "understudy:application": _, ...without } = config;
        const hooks = JSON.stringify({ afterStart: [{ sql: "select 1" }] });
        expect(
            problemsOf(() => parseSettings({ ...without, "understudy:hooks": hooks }, "understudy", "demo")),
        ).toEqual([
            expect.stringMatching(
                /hooks\.afterStart has hooks, but no application is started: write them to afterSwitch/,
            ),
        ]);
    });
});

describe("hooks", () => {
    it("make another copy where they shape it, and none where they come after it", () => {
        const before = generationsOf(parse({}));
        const changed = (hooks: object) => generationsOf(parse(hooks)).database !== before.database;
        const one = [{ sql: "select 1" }];
        expect(changed({ afterRestore: one })).toBe(true);
        expect(changed({ beforeSwitch: one })).toBe(true);
        expect(changed({ afterSwitch: one, afterStart: one })).toBe(false);
        expect(changed({ variables: { site: "x" }, timeout: "1m" })).toBe(false);
        const named = (site: string) => generationsOf(parse({ afterRestore: one, variables: { site } })).database;
        expect(named("x")).not.toBe(named("y"));
    });

    it("are a command's own reasons to run again", () => {
        const settings = parse({ afterRestore: [{ file }], afterSwitch: [{ sql: "select 1" }] });
        expect(Object.keys(reasonsOfHooks("prepare-database", settings))).toEqual(["hooks-after-restore"]);
        expect(Object.keys(reasonsOfHooks("switch", settings))).toEqual(["hooks-after-switch"]);
        expect(reasonsOfHooks("smoke", settings)).toEqual({});
    });

    it("tell the agent files of secrets, and the pod which Secrets these are", () => {
        const settings = parse({
            afterSwitch: [{ sql: "select 1" }, { file, transaction: false }],
            secrets: { oauth: { secret: "staging", key: "client" } },
        });
        expect(hooksPlanOf(settings)).toEqual({
            at: {
                afterSwitch: [
                    { name: "no. 1", database: "catalogue", sql: "select 1", transaction: true },
                    { name: file, database: "catalogue", sql: "delete from session;\n", transaction: false },
                ],
            },
            ...{ variables: {}, secrets: { oauth: "/secrets/hooks/oauth" }, timeout: 600 },
        });
        expect(hooksVolume("switch", settings)).toEqual({
            projected: { sources: [{ secret: { name: "staging", items: [{ key: "client", path: "oauth" }] } }] },
        });
        expect(hooksVolume("smoke", settings)).toBeUndefined();
    });
});

describe("the text of a hook", () => {
    it("is cut into its statements, with the lines on which they begin", () => {
        const text =
            "-- first\nselect ';';\n\n\nupdate a set b = $$;\n$$ where c = 'x';;\n" +
            "create function f() returns int begin atomic select 1; select 2; end;\nselect 3 -- last; one";
        expect(statementsOf(text).map(({ line, text }) => [line, text.split(/[\s;]/)[0]])).toEqual([
            [2, "select"],
            [5, "update"],
            [7, "create"],
            [8, "select"],
        ]);
    });

    it("may hold the same statement twice", () => {
        expect(statementsOf("select 1;\n\nselect 1").map(({ line }) => line)).toEqual([1, 3]);
    });

    it("may be empty", () => {
        expect(statementsOf("\n-- nothing\n")).toEqual([]);
    });
});

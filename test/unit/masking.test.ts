import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import yaml from "js-yaml";
import { afterAll, describe, expect, it } from "vitest";
import { classify } from "../../agent/neutral/mask/classify";
import type { Column } from "../../agent/neutral/mask/columns";
import { suggestedLines, suggestionFor } from "../../agent/neutral/mask/suggest";
import { generationsOf } from "../../components/generations";
import { tableRules } from "../../contract/masking";
import { parseSettings, type Settings } from "../../settings";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const root = path.join(__dirname, "../..");
const config = configOf(readFileSync(path.join(root, "Pulumi.demo.yaml"), "utf8"));

/** A masking file beside the stack file, for these tests alone. */
const file = `masking-${process.pid}.yaml`;
afterAll(() => rmSync(path.join(root, file), { force: true }));

function parse(text: string | object, more: object = {}): Settings {
    writeFileSync(path.join(root, file), typeof text === "string" ? text : yaml.dump(text));
    return parseSettings({ ...config, "understudy:masking": JSON.stringify({ file, ...more }) }, "understudy", "demo");
}
const problems = (text: string | object) => problemsOf(() => parse(text));

const rules = { package: "keep", person: { email: "email", note: "null", name: { fixed: "x" } } };
const whole = { version: 1, databases: { catalogue: rules } };

describe("the masking file", () => {
    it("is read with the stack file", () => {
        expect(parse(whole, { forbidden: ["@example.org"] }).masking).toEqual({
            file,
            forbidden: ["@example.org"],
            databases: { catalogue: rules },
        });
    });

    it.each<[string, string | object, RegExp]>([
        ["of a newer version", { ...whole, version: 2 }, /it is of version 2, and this understudy knows 1/],
        ["that is no YAML", "a: [", /it is no YAML \(/],
        ["that is empty", "", /: databases is missing: write NAME: value pairs$/],
        [
            "with a rule that is none",
            { version: 1, databases: { catalogue: { person: { email: "mail" } } } },
            /databases\.catalogue\.person\.email is "mail": write keep, "null", unusable, .* or \{ sql: EXPRESSION \}/,
        ],
        [
            "with half a rule",
            { version: 1, databases: { catalogue: { person: { email: {} } } } },
            /databases\.catalogue\.person\.email/,
        ],
        [
            "for another database",
            { version: 1, databases: { catalogue: {}, shop: {} } },
            /has rules for database shop, which the replica does not have/,
        ],
        [
            "that lacks a database",
            { version: 1, databases: {} },
            /says nothing of database catalogue: add it below databases/,
        ],
    ])("%s is refused", (_, text, reason) => {
        expect(problems(text)).toContainEqual(expect.stringMatching(reason));
        expect(problems(text).join()).toContain(file);
    });

    it("that is not there is refused", () => {
        const settings = { ...config, "understudy:masking": JSON.stringify({ file: "none.yaml" }) };
        expect(problemsOf(() => parseSettings(settings, "understudy", "demo"))).toEqual([
            expect.stringMatching(/masking: none\.yaml: it cannot be read \(ENOENT\)/),
        ]);
    });

    it("makes another copy when a rule is another one", () => {
        const id = (person: object) =>
            generationsOf(parse({ version: 1, databases: { catalogue: { person } } })).database;
        expect(id({ email: "email" })).toBe(id({ email: "email" }));
        expect(id({ email: "email" })).not.toBe(id({ email: "hash" }));
        expect(id({ email: "email" })).not.toBe(generationsOf(parseSettings(config, "understudy", "demo")).database);
    });
});

const column = (name: string, more: Partial<Column> = {}): Column => ({
    ...{ schema: "public", table: "person", name, type: "text", base: "text", form: "plain" },
    ...{ kind: "text", isWritten: true, length: undefined },
    ...{ isRequired: false, isGenerated: false, owner: "shop", isPartitioned: false },
    ...more,
});

describe("columns", () => {
    it("with text are masked, kept by name or with their table, or unclassified, and never anything else", () => {
        const names = fc.constantFrom("email", "name", "note", "password", "id");
        const given = fc.dictionary(names, fc.constantFrom("keep", "hash", "null", "shuffle"));
        const whole = fc.oneof(fc.constant("keep" as const), given);
        fc.assert(
            fc.property(fc.uniqueArray(names, { minLength: 1 }), whole, (there, person) => {
                const columns = there.map((name) => column(name, { isWritten: name !== "id" }));
                const { masked, unclassified, problems } = classify(columns, { person } as never);
                const kept = columns.filter(
                    (one) => !masked.some(({ name }) => name === one.name) && !unclassified.includes(one),
                );
                for (const { name, isWritten } of kept) {
                    const rule = person === "keep" ? "keep" : (person as Record<string, string>)[name];
                    expect(rule === "keep" || (rule === undefined && !isWritten)).toBe(true);
                    expect(person === "keep" && name === "password").toBe(false);
                }
                expect(problems).toHaveLength(
                    person === "keep"
                        ? 0
                        : Object.keys(person).filter((name) => !(there as string[]).includes(name)).length,
                );
            }),
        );
    });

    it("get a suggestion by their names", () => {
        const rulesOf = (...names: string[]) => names.map((name) => suggestionFor(column(name)));
        expect(rulesOf("email", "user_password", "first_name", "mobile", "api_key", "title")).toEqual([
            ...["email", "unusable", "name", "phone", "hash", "keep"],
        ]);
        expect(suggestionFor(column("email", { kind: "json" }))).toBe("null");
    });

    it("are suggested in lines that a masking file takes", () => {
        const odd = [column("null"), column("e-mail"), column("note", { kind: "json", table: "a b", schema: "other" })];
        const lines = suggestedLines(odd).join("\n");
        expect(tableRules.parse(yaml.load(lines))).toEqual({
            person: { null: "keep", "e-mail": "email" },
            "other.a b": { note: "null" },
        });
    });
});

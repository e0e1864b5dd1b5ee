import { writeFileSync } from "node:fs";
import { join } from "node:path";
import yaml from "js-yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { maskingFile } from "../../cli/proposal";
import { proposal, type TableRules, tableRules } from "../../contract/masking";
import { frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [id] = ids;

const people = Array.from({ length: 50 }, (_, n) =>
    [
        n,
        `person${n}@example.org`,
        `+41 44 111 22 ${n + 10}`,
        "$2y$10$abcdefghijklmnop",
        `10.0.0.${n}`,
        n % 2 === 0 ? "de" : "fr",
    ].join("\t"),
);
const dump = `
CREATE TABLE public.person (id integer, kontakt text, erreichbar character varying(40), geheim text, von text, language text, surname text);
CREATE TABLE public.product (title text, remark text, password text);
CREATE TABLE public.message (body text, papers jsonb);
${["person", "product", "message"].map((table) => `ALTER TABLE public.${table} OWNER TO shop;`).join("\n")}
COPY public.person (id, kontakt, erreichbar, geheim, von, language) FROM stdin;
${people.join("\n")}
\\.
COPY public.message (body, papers) FROM stdin;
Write to ann@example.org\t{"from": "ann@example.org"}
Good morning\t{}
\\.
`;

beforeAll(async () => {
    replica = await startReplica();
    replica.store(stampBefore(3600), frame(dump));
    writeFileSync(join(replica.folder, "secrets/masking"), "a key");
});
afterAll(() => replica?.stop());

const keptPlan = (tables: TableRules) =>
    replica.plan(id, id, (plan) => {
        const keyFile = join(replica.folder, "secrets/masking");
        plan.masking = { file: "masking.yaml", databases: { shop: tables }, keyFile, forbidden: [] };
        plan.keepFailed = true;
    });

/** The proposed file, where the stack file says this and the last update was told that. */
async function suggested(tables: TableRules, last: TableRules = tables) {
    const { status, log } = await replica.run("mask-suggest", keptPlan(last));
    expect(status, log).toBe(0);
    const line = log.trim().split("\n").at(-1) ?? "";
    expect(line).not.toMatch(/ann@|person\d|\+41|10\.0\.0/);
    return maskingFile(proposal.parse(JSON.parse(line)), { shop: tables });
}

test("without a copy there is nothing to look at, and it is said how to get one", async () => {
    const { status, sentence } = await replica.run("mask-suggest", keptPlan({}));
    expect(sentence).toMatch(/There is no copy of the database to look at: set keepFailed: true and run up/);
    expect(status).toBe(3);
});

test("a copy that was refused for its columns is looked at, by names and by values", async () => {
    expect((await replica.run("prepare-database", keptPlan({}))).sentence).toMatch(/has neither a rule nor keep/);
    const before = await replica.server.content();
    expect(
        await suggested({}),
    ).toBe(`# New for generation ${id}: 11 columns, by names and by what values look like. Look at each.
version: 1
databases:
  shop:
    message:
      body: hash # new: 1 of 2 values look like texts with e-mail addresses
      papers: "null" # new: 1 of 2 values look like texts with e-mail addresses
    person:
      kontakt: email # new: 50 of 50 values look like e-mail addresses
      erreichbar: phone # new: 50 of 50 values look like telephone numbers
      geheim: unusable # new: 50 of 50 values look like hashes of passwords
      von: hash # new: 50 of 50 values look like addresses of machines
      language: keep # new
      surname: name # new: so it is called
    product:
      title: keep # new
      remark: keep # new
      password: unusable # new: so it is called
`);
    expect(await replica.server.content()).toBe(before);
});

test("what a file says already stays, and a table that was kept as a whole is written out", async () => {
    const text = await suggested({
        message: "keep",
        product: "keep",
        person: { kontakt: { fixed: 'a "b"' }, von: "null" },
    });
    expect(text).toMatch(/^ {4}message: keep$/m);
    expect(text).toContain(`    product:
      title: keep
      remark: keep
      password: unusable # new: so it is called
`);
    expect(text).toContain(`    person:
      kontakt: { fixed: "a \\"b\\"" }
      von: "null"
      erreichbar: phone`);
    const { databases } = yaml.load(text) as { databases: { shop: unknown } };
    const whole = tableRules.parse(databases.shop);
    const { sentence } = await replica.run("prepare-database", keptPlan(whole));
    expect(sentence).toMatch(/is restored and proven/);
    expect(await suggested(whole)).toMatch(/^# Generation \w+ has no column with text that is in neither list\.$/m);
});

test("what a file says by now counts, whatever the last update was told", async () => {
    const person = { kontakt: "hash", surname: "name" } as const;
    const text = await suggested({ message: "keep", person }, { product: "keep" });
    const { databases } = yaml.load(text) as { databases: { shop: Record<string, unknown> } };
    expect(databases.shop).toMatchObject({ message: "keep", person });
    expect(databases.shop.product).toEqual({ title: "keep", remark: "keep", password: "unusable" });
    expect(text).toMatch(/^ {6}kontakt: hash\n {6}surname: name\n {6}erreichbar: \w+ # new/m);
});

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { MediaReferences, Plan } from "../../contract";
import { frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [first, second] = ids;

/** What rows name: five files, one of them twice, one a link, one not there. */
const paths = ["a/one.jpg", "/a/two.jpg", "./a/b/thr\u00e9e.jpg", "a/one.jpg", "gone.jpg", "\\N", "", "four"];

beforeAll(async () => {
    replica = await startReplica();
    const rows = paths.map((path, n) => `${n}\t${path}\n`).join("");
    replica.store(
        stampBefore(3600),
        frame(
            "CREATE TABLE public.picture (n integer, path text);\nALTER TABLE public.picture OWNER TO shop;\n" +
                `COPY public.picture (n, path) FROM stdin;\n${rows}\\.\n` +
                "CREATE FUNCTION public.change() RETURNS text LANGUAGE sql AS 'delete from picture returning path';\n" +
                "ALTER FUNCTION public.change() OWNER TO shop;\n" +
                "CREATE FUNCTION public.climb() RETURNS text LANGUAGE plpgsql AS " +
                "$$begin perform set_config('role', 'none', false); return (select rolpassword from pg_authid limit 1); end$$;\n" +
                "ALTER FUNCTION public.climb() OWNER TO shop;\n",
        ),
    );
    mkdirSync(join(replica.folder, "source/a/b"), { recursive: true });
    for (const path of ["a/one.jpg", "a/two.jpg", "a/b/thr\u00e9e.jpg", "nobody's"]) {
        writeFileSync(join(replica.folder, "source", path), path);
    }
    symlinkSync("nobody's", join(replica.folder, "source/four"));
    for (const id of [first, second]) {
        expect(await replica.run("prepare-database", replica.plan(id, first))).toMatchObject({ status: 0 });
    }
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

let before: string;
beforeEach(async () => {
    before = await replica.server.content();
});

const query = "select path from picture";

function asking(references: Partial<MediaReferences>): Plan {
    return replica.plan(second, first, (plan) => {
        plan.media.references = { database: "shop", query, maximumMissing: 1, ...references };
    });
}

/** The switch is refused, and the former copy is live as it was. */
async function expectRefusal(references: Partial<MediaReferences>, reason: RegExp | string): Promise<void> {
    const { status, sentence } = await replica.run("switch", asking(references));
    expect(sentence).toMatch(reason);
    expect(status).toBe(3);
    expect(await replica.server.content()).toBe(before);
}

test("rows that name more missing files than may be missing are refused, with what to set", async () => {
    await expectRefusal(
        {},
        /Of 5 files that rows of database generation 00000000bb name, 1 \(20 %\) are not in media generation 00000000aa \("gone\.jpg"\), .* set it to 20/,
    );
    await expectRefusal({ maximumMissing: 19.9 }, "is 19.9 %");
});

test.each([
    ["is none", "select nonsense from picture", /fails in database shop .*"nonsense" does not exist/],
    ["gives two columns", "select n, path from picture", /it gives 2 columns, and one with paths is wanted/],
    ["is two statements", `${query}; drop table picture`, /cannot insert multiple commands/],
    ["would change rows", "select change()", /DELETE is not allowed|cannot execute DELETE in a read-only transaction/],
    ["would become the superuser", "select climb()", /permission denied for table pg_authid/],
    ["looks at what is not the owner's", "select rolpassword from pg_authid", /permission denied for table pg_authid/],
])("a query that %s is refused with the server's words", async (_, wrong, reason) => {
    await expectRefusal({ query: wrong }, reason);
});

test("what may be missing is told, with the files that nobody names", async () => {
    const { status, sentence, log } = await replica.run("switch", asking({ maximumMissing: 20 }));
    expect(sentence).toMatch(
        /is live, .* Rows name 5 files, 1 of them missing \("gone\.jpg"\); 2 files named by none\.$/,
    );
    expect(status).toBe(0);
    const live = log.split("\n").find((line) => line.includes('"event":"live"'));
    expect(JSON.parse(live ?? "")).toMatchObject({
        references: { named: 5, missing: 1, examples: ['"gone.jpg"'], orphans: 2 },
    });
});

test("a copy that is live already is asked as well", async () => {
    const { sentence } = await replica.run("switch", asking({ query: `${query} where path ~ '/one'` }));
    expect(sentence).toMatch(/is live already.* Rows name 1 file, all of them there; 5 files named by none\.$/);
});

test("a query that finds nothing says so", async () => {
    const { sentence } = await replica.run("switch", asking({ query: `${query} where n > 100` }));
    expect(sentence).toContain("The query of media.references names no file.");
});

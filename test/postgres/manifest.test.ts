import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DumpedDatabase, Manifest } from "../../contract/manifest";
import { sweep } from "../sweep";
import { copied, copiedLargeObjects, sha256 } from "./copied";
import { type FormatName, type FormatStage, openFormats } from "./formats";
import { manifestOf } from "./manifest";

let stage: FormatStage;
let tables: DumpedDatabase["tables"];
let largeObjects: DumpedDatabase["largeObjects"];
let extensions: DumpedDatabase["extensions"];
beforeAll(async () => {
    stage = await openFormats();
    const { production, expected } = stage;
    const lines = Object.entries(expected.tables).map(async ([table, { rows }]) => {
        const text = await copied(production, "shop", table);
        return [table, { rows, bytes: text.length, sha256: sha256(text) }] as const;
    });
    tables = Object.fromEntries(await Promise.all(lines));
    largeObjects = await copiedLargeObjects(production, "shop");
    const there = await production.query("shop", "select extname as name, extversion as version from pg_extension");
    extensions = Object.fromEntries(there.map(({ name, version }) => [name, version]));
});
afterEach(() => stage.clear());
afterAll(() => stage?.stop());

describe("a backup with a manifest", () => {
    /** Writes the manifest as production's side would, but for a change. */
    async function described(name: FormatName, change: (manifest: Manifest) => unknown = () => undefined) {
        const backup = await stage.stored(name);
        const manifest = manifestOf(backup, {
            extensions: { ...extensions },
            migrations: "0007_more",
            tables: { ...tables },
            largeObjects: { ...largeObjects },
            sequences: { "public.counter": { value: "10", called: true } },
        });
        const text = change(manifest) ?? JSON.stringify(manifest);
        writeFileSync(join(stage.hourly, `backup-${backup.stamp}-shop.json`), String(text));
        return backup;
    }

    sweep<FormatName>(["plain with zstd", "custom", "directory"])("%s is proven by it", async (name) => {
        const { ending, id } = await stage.restoring(await described(name));
        expect(ending, ending.log).toMatchObject({ status: 0 });
        const report = await stage.restored(id);
        expect(report.proof).toEqual(
            expect.arrayContaining([
                expect.stringMatching(/^\d+ files? with the SHA-256 that the manifest names$/),
                expect.stringMatching(/^[\d,]+ rows in \d+ tables read back from the server, with the SHA-256 that/),
                "2 large objects read back from the server, with the SHA-256 that the manifest names",
                "rows, large objects and sequences are those that the manifest names",
                "every extension is there",
            ]),
        );
        expect(report).toMatchObject({ tables, extensions, migrations: "0007_more", unknown: [] });
        expect(ending.log).toContain('{"event":"ended","phase":"prove"');
    });

    sweep<FormatName>(["plain without compression", "custom without compression", "directory without compression"])(
        "%s: a changed byte that nothing else tells of is found, and is not known without it",
        async (name) => {
            const backup = await described(name);
            const path = name.startsWith("directory")
                ? readdirSync(backup.path)
                      .map((file) => join(backup.path, file))
                      .find((file) => file.endsWith(".dat") && readFileSync(file).includes("c77@example.org"))
                : backup.path;
            const bytes = readFileSync(path ?? "");
            bytes.write("d77@example.org", bytes.indexOf("c77@example.org"));
            writeFileSync(path ?? "", bytes);
            await stage.expectNothing(
                backup,
                /is not what production wrote: its SHA-256 is [0-9a-f]{64}, and the manifest/,
            );
            rmSync(join(stage.hourly, `backup-${backup.stamp}-shop.json`));
            const { id } = await stage.restoring(backup);
            expect((await stage.restored(id)).unknown).toEqual([expect.stringContaining("it has no checksums")]);
        },
    );

    sweep<[string, (manifest: Manifest) => unknown, string | RegExp]>([
        ["is torn", (manifest) => JSON.stringify(manifest).slice(0, 500), "is torn"],
        [
            "is of another version",
            (manifest) => Object.assign(manifest, { version: 2 }) && undefined,
            "is of version 2",
        ],
        ["has no files", (manifest) => Object.assign(manifest, { files: 1 }) && undefined, /is not one \(files: /],
        [
            "is about another backup",
            (manifest) => {
                manifest.stamp = "2020-01-01T00:00:00Z";
            },
            "it says stamp 2020-01-01T00:00:00Z, and beside it stands",
        ],
        [
            "knows another file",
            (manifest) => {
                manifest.files.other = { bytes: 1, sha256: "0".repeat(64) };
            },
            "other is not there, and it should have 1 bytes",
        ],
        [
            "does not know a file",
            (manifest) => {
                manifest.files = {};
            },
            "it does not know the file",
        ],
        [
            "was made under another tag",
            (manifest) => {
                manifest.imageTag = "1.1";
            },
            "under tag 1.0, but production ran 1.1 when",
        ],
        [
            "names another size",
            (manifest) => {
                for (const file of Object.values(manifest.files)) {
                    file.bytes += 1;
                }
            },
            /\.dump has .*, and it should have/,
        ],
    ])("that %s is refused", async (_, change, reason) => {
        const ending = await stage.expectNothing(await described("custom", change), reason);
        expect(ending.status).toBe(3);
    });

    test("that was made under another tag is restored where that is allowed", async () => {
        const backup = await described("custom", (manifest) => {
            manifest.imageTag = "1.1";
        });
        const { ending } = await stage.restoring(backup, (plan) => {
            plan.allowTagMismatch = true;
        });
        expect(ending, ending.log).toMatchObject({ status: 0 });
    });

    test("that names another version of an extension leaves open whether it does the same", async () => {
        const backup = await described("custom", ({ databases }) => {
            (databases.shop as DumpedDatabase).extensions.hstore = "1.4";
        });
        const { id, ending } = await stage.restoring(backup);
        expect(ending, ending.log).toMatchObject({ status: 0 });
        expect((await stage.restored(id)).unknown).toEqual([
            "whether extension hstore does as in production: it is 1.8 here, and 1.4 there",
        ]);
    });

    test("tells how much room its copy takes", async () => {
        const backup = await described("custom", ({ databases }) => {
            (databases.shop as { bytes: number }).bytes = 2 ** 40;
        });
        const ending = await stage.expectNothing(backup, /it needs about 1\.0 TiB \(what it had in production\)/);
        expect(ending.status).toBe(3);
    });

    test("that is marked as rotten is refused by its stamp, and passed over as the latest", async () => {
        const sound = await described("custom");
        const rotten = await described("custom");
        writeFileSync(join(stage.hourly, `.rotten-backup-${rotten.stamp}-shop`), "why\n");
        const ending = await stage.expectNothing(
            rotten,
            "has changed since it was made, as production's verify-store has found",
        );
        expect(ending.status).toBe(3);
        const { id } = await stage.restoring({ stamp: "latest" });
        expect(await stage.restored(id)).toMatchObject({ stamp: sound.stamp });
    });

    sweep<[string, (shop: DumpedDatabase) => void, RegExp]>([
        [
            "fewer rows",
            ({ tables }) => {
                tables["public.customer"] = { rows: 3000, bytes: 1, sha256: "0".repeat(64) };
            },
            /3,006 rows of table public\.customer, and its manifest names 3,000/,
        ],
        [
            "a table more",
            ({ tables }) => {
                tables["public.more"] = { rows: 1, bytes: 1, sha256: "0".repeat(64) };
            },
            /holds no table public\.more, and its manifest names 1 row/,
        ],
        [
            "a table less",
            ({ tables }) => {
                delete tables["public.empty_table"];
            },
            /0 rows of table public\.empty_table, and its manifest names none/,
        ],
        [
            "other rows",
            ({ tables }) => {
                tables["public.no_columns"] = { rows: 2, bytes: 2, sha256: "0".repeat(64) };
            },
            /Table public\.no_columns has 2 rows after the restore, as many as .*SHA-256 is [0-9a-f]{64}, and the manifest names 0{64}/,
        ],
        [
            "an extension more",
            ({ extensions }) => {
                extensions.tablefunc = "1.0";
            },
            /The extension tablefunc, which production has in version 1\.0, is not in the copy/,
        ],
        [
            "another position of a sequence",
            ({ sequences }) => {
                sequences["public.counter"] = { value: "13", called: true };
            },
            /does not set sequence public\.counter as its manifest says/,
        ],
    ])("that names %s than the dump holds makes it fail", async (_, change, reason) => {
        await stage.expectNothing(
            await described("custom", ({ databases }) => change(databases.shop as DumpedDatabase)),
            reason,
        );
    });
});

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Manifest, manifestVersion } from "../../contract/manifest";
import { endings, type FormatName, type FormatStage, openFormats } from "./formats";

let stage: FormatStage;
beforeAll(async () => {
    stage = await openFormats();
});
afterEach(() => stage.clear());
afterAll(() => stage?.stop());

describe("a backup with a manifest", () => {
    const hashed = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

    /** Writes the manifest as production's side would, but for a change. */
    async function described(name: FormatName, change: (manifest: Manifest) => unknown = () => undefined) {
        const backup = await stage.stored(name);
        const file = backup.path.split("/").at(-1) ?? "";
        const inside = endings[name] === "" ? readdirSync(backup.path) : undefined;
        const files = (inside ?? [file]).map((one) => {
            const path = inside === undefined ? backup.path : join(backup.path, one);
            return [one, { bytes: readFileSync(path).length, sha256: hashed(path) }] as const;
        });
        const tables = Object.entries(stage.expected.tables as Record<string, number>);
        const manifest: Manifest = {
            version: manifestVersion,
            backup: file,
            stamp: backup.stamp,
            subject: "shop",
            dump: "database",
            format: inside === undefined ? "plain" : "directory",
            begun: backup.stamp,
            ended: backup.stamp,
            client: "15.18",
            server: { version: "15.18", systemIdentifier: "1234567890123456789" },
            files: Object.fromEntries(files),
            databases: {
                shop: {
                    encoding: "UTF8",
                    collation: "C.UTF-8",
                    bytes: 10_000_000,
                    extensions: {},
                    tables: Object.fromEntries(
                        tables.map(([table, rows]) => [table, { rows, sha256: "0".repeat(64) }]),
                    ),
                    sequences: { "public.counter": { value: "10", called: true } },
                },
            },
        };
        const text = change(manifest) ?? JSON.stringify(manifest);
        writeFileSync(join(stage.hourly, `backup-${backup.stamp}-shop.json`), String(text));
        return backup;
    }

    test.each<FormatName>(["plain with zstd", "custom", "directory"])("%s is proven by it", async (name) => {
        const { ending, id } = await stage.restoring(await described(name));
        expect(ending, ending.log).toMatchObject({ status: 0 });
        const { proof } = await stage.restored(id);
        expect(proof).toEqual(
            expect.arrayContaining([
                expect.stringMatching(/^\d+ files? with the SHA-256 that the manifest names$/),
                "rows and sequences are those that the manifest names",
            ]),
        );
    });

    test.each<FormatName>(["plain without compression", "custom without compression", "directory without compression"])(
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

    test.each<[string, (manifest: Manifest) => unknown, string | RegExp]>([
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

    test.each<[string, (shop: NonNullable<Manifest["databases"][string]>) => void, RegExp]>([
        [
            "fewer rows",
            ({ tables }) => {
                tables["public.customer"] = { rows: 3000, sha256: "0".repeat(64) };
            },
            /3,006 rows of table public\.customer, and its manifest names 3,000/,
        ],
        [
            "a table more",
            ({ tables }) => {
                tables["public.more"] = { rows: 1, sha256: "0".repeat(64) };
            },
            /0 rows of table public\.more, and its manifest names 1/,
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
            await described("custom", ({ databases }) => change(databases.shop as Manifest["databases"][string] & {})),
            reason,
        );
    });
});

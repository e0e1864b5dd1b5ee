import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type DumpedDatabase, type Manifest, manifestVersion } from "../../contract/manifest";
import { sha256 } from "./copied";
import type { StoredBackup } from "./formats";

/** A manifest of a backup that is in the store, as production's side would write it. */
export function manifestOf({ path, stamp }: StoredBackup, shop: Partial<DumpedDatabase> = {}): Manifest {
    const folder = statSync(path).isDirectory();
    const files = (folder ? readdirSync(path) : [basename(path)]).map((name) => {
        const bytes = readFileSync(folder ? join(path, name) : path);
        return [name, { bytes: bytes.length, sha256: sha256(bytes) }] as const;
    });
    return {
        version: manifestVersion,
        backup: basename(path),
        stamp,
        subject: "shop",
        dump: "database",
        format: folder ? "directory" : "plain",
        begun: stamp,
        ended: stamp,
        client: "15.18",
        server: { version: "15.18", systemIdentifier: "1234567890123456789" },
        files: Object.fromEntries(files),
        databases: {
            shop: {
                encoding: "UTF8",
                collation: "C.UTF-8",
                bytes: 10_000_000,
                extensions: {},
                schema: "0".repeat(64),
                tables: {},
                largeObjects: { count: 0, sha256: sha256(Buffer.alloc(0)) },
                sequences: {},
                ...shop,
            },
        },
    };
}

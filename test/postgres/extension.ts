import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestServer } from "./server";

/** An extension of a test's own, which every server on this machine can make until it is removed. */
export interface TestExtension {
    name: string;
    remove(): void;
}

/** Name of a test's extension: tests of several checkouts may run on one machine. */
export function extensionName(of: string): string {
    return `understudy_${of}_${process.pid}`;
}

/** Puts an extension beside those that came with the server, which takes being root. */
export async function installExtension(
    server: TestServer,
    name: string,
    sql: string,
    control: Record<string, string | boolean> = {},
): Promise<TestExtension> {
    const [row] = await server.query("postgres", "select setting from pg_config where name = 'SHAREDIR'");
    const folder = join(String(row?.setting), "extension");
    const files = {
        [join(folder, `${name}.control`)]: Object.entries({ default_version: "1.0", comment: "of a test", ...control })
            .map(([key, value]) => `${key} = ${typeof value === "string" ? `'${value}'` : value}\n`)
            .join(""),
        [join(folder, `${name}--1.0.sql`)]: sql,
    };
    for (const [path, text] of Object.entries(files)) {
        writeFileSync(path, text);
    }
    return {
        name,
        remove() {
            for (const path of Object.keys(files)) {
                rmSync(path, { force: true });
            }
        },
    };
}

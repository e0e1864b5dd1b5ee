import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { PostgresSource } from "../../contract/hosts";
import { dumpEncoding, type Manifest, manifestVersion, serverSubject } from "../../contract/manifest";
import { Contents, ServerContents } from "../publish/contents";
import { lexed } from "../publish/dump";
import type { Facts } from "../publish/facts";
import type { Tools } from "../publish/tools";
import type { SentFile } from "./frames";
import { packed } from "./packed";

/** What a dump needs besides its plan. */
export interface Dumping {
    tools: Tools;
    facts: Facts;
    stamp: string;
}

/**
 * Dumps databases one after the other, each with its manifest. No byte of it is ever in a file on this host.
 *
 * @throws {Error} one sentence when a dump fails
 */
export async function* dumped(plan: PostgresSource, { tools, facts, stamp }: Dumping): AsyncGenerator<SentFile> {
    for (const subject of plan.dump === "server" ? [serverSubject] : plan.databases) {
        const begun = new Date().toISOString();
        const stem = `backup-${stamp}-${subject}`;
        const backup = `${stem}.sql.gz`;
        const one = new Contents();
        const all = new ServerContents();
        const encoding = dumpEncoding(plan.dump, facts.databases.get(subject)?.encoding);
        const program = plan.dump === "server" ? "pg_dumpall" : "pg_dump";
        const args = plan.dump === "server" ? [] : oneDatabase(plan, subject);
        const hash = createHash("sha256");
        let bytes = 0;
        const options = [...tools.connection, ...args, `--encoding=${encoding}`, "--clean", "--if-exists"];
        const written = packed((into) =>
            tools.run(program, options, (output) =>
                pipeline(output, (chunks) => lexed(chunks, plan.dump === "server" ? all : one), createGzip(), into),
            ),
        );
        yield {
            name: `hourly/${backup}`,
            bytes: (async function* () {
                for await (const piece of written) {
                    hash.update(piece);
                    bytes += piece.length;
                    yield piece;
                }
            })(),
        };
        const held = plan.dump === "server" ? all.held() : new Map([[subject, one.held()]]);
        const manifest: Manifest = {
            ...{ version: manifestVersion, backup, stamp, subject, dump: plan.dump, format: "plain" },
            ...{ begun, ended: new Date().toISOString(), client: tools.version },
            // A replica's own server may be the target's as well.
            server: plan.replica ? { ...facts.server, systemIdentifier: "" } : facts.server,
            files: { [backup]: { bytes, sha256: hash.digest("hex") } },
            databases: Object.fromEntries(
                [...held].map(([name, contents]) => [name, { ...factsOf(facts, name), ...contents }]),
            ),
        };
        yield { name: `hourly/${stem}.json`, bytes: [Buffer.from(`${JSON.stringify(manifest)}\n`)] };
    }
}

function oneDatabase({ excludeTableData }: PostgresSource, database: string): string[] {
    return [`--dbname=${database}`, ...excludeTableData.map((pattern) => `--exclude-table-data=${pattern}`)];
}

function factsOf({ databases }: Facts, name: string) {
    const facts = databases.get(name);
    if (facts === undefined) {
        throw new Error(`Database ${name} was made while the server was dumped: run again.`);
    }
    return facts;
}

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Manifest, serverSubject } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { sha256Of } from "../backup/hash";
import { DumpLexer } from "../backup/lexer";
import type { Piece } from "../backup/piece";
import type { Watch } from "../report";
import { Contents, type Held, ServerContents } from "./contents";
import { filesBelow, partialOf, syncAll } from "./files";
import type { Tools } from "./tools";

/** What is needed to make one dump. */
export interface Dumping {
    plan: Publication;
    tools: Tools;
    /** A database, or {@link serverSubject}. */
    subject: string;
    /** In which its text is written: hashes are of these bytes. */
    encoding: string;
    /** Where the backup is to stand; it is written beside that, see {@link partialOf}. */
    path: string;
    watch: Watch;
    signal: AbortSignal;
}

/** What a dump has come to. */
export interface Dumped {
    files: Manifest["files"];
    /** By database, as the dump itself holds it. */
    databases: Map<string, Held>;
}

/** Takes the pieces of a dump. */
interface Taker {
    take(piece: Piece): void;
}

/** First major version whose pg_dump compresses with zstd. */
const zstdSince = 16;

/** How pg_dump compresses the files of a directory: as fast as it can, for the sake of the hour that it has. */
function compression(version: string): string {
    return Number.parseInt(version, 10) >= zstdSince ? "zstd:1" : "1";
}

/**
 * Dumps a database or the whole server to a partial name, and tells what the dump holds: from the dump itself, so that it
 * is of the same moment.
 *
 * @throws {Error} one sentence when it fails; what is there then is removed by the next run
 */
export async function dump(dumping: Dumping): Promise<Dumped> {
    const { plan, subject } = dumping;
    if (plan.format === "directory") {
        const contents = new Contents();
        const files = await dumpDirectory(dumping, contents);
        return { files, databases: new Map([[subject, contents.held()]]) };
    }
    if (plan.dump === "server") {
        const contents = new ServerContents();
        const files = await dumpPlain(dumping, "pg_dumpall", [], contents);
        return { files, databases: contents.held() };
    }
    const contents = new Contents();
    const files = await dumpPlain(dumping, "pg_dump", oneDatabase(dumping), contents);
    return { files, databases: new Map([[subject, contents.held()]]) };
}

function oneDatabase({ plan, subject }: Dumping): string[] {
    return [`--dbname=${subject}`, ...plan.excludeTableData.map((pattern) => `--exclude-table-data=${pattern}`)];
}

async function dumpDirectory(dumping: Dumping, contents: Taker): Promise<Manifest["files"]> {
    const { plan, tools, path, encoding, watch, signal } = dumping;
    const folder = partialOf(path);
    // pg_dump makes sure by itself that its files outlive a crash.
    await tools.run("pg_dump", [
        ...[...tools.connection, ...oneDatabase(dumping), `--encoding=${encoding}`],
        ...["--format=directory", `--jobs=${plan.jobs}`, `--compress=${compression(tools.version)}`],
        `--file=${folder}`,
    ]);
    let read = 0;
    watch(() => ({ done: read, unit: "byte" }));
    await tools.run("pg_restore", ["--file=-", folder], async (output) => {
        for await (const chunk of lexed(output, contents)) {
            read += chunk.length;
        }
    });
    const files: Manifest["files"] = {};
    for (const file of await filesBelow(folder)) {
        const { size } = await stat(join(folder, file));
        files[file] = { bytes: size, sha256: await sha256Of(join(folder, file), signal) };
    }
    return files;
}

async function dumpPlain(
    { tools, path, encoding, watch, signal }: Dumping,
    program: "pg_dump" | "pg_dumpall",
    args: string[],
    contents: Taker,
): Promise<Manifest["files"]> {
    const file = partialOf(path);
    const hash = createHash("sha256");
    let read = 0;
    let bytes = 0;
    watch(() => ({ done: read, unit: "byte" }));
    const options = [`--encoding=${encoding}`, "--clean", "--if-exists"];
    await tools.run(program, [...tools.connection, ...args, ...options], async (output) => {
        await pipeline(
            output,
            async function* (chunks: AsyncIterable<Buffer>) {
                for await (const chunk of lexed(chunks, contents)) {
                    read += chunk.length;
                    yield chunk;
                }
            },
            createGzip(),
            async function* (chunks: AsyncIterable<Buffer>) {
                for await (const chunk of chunks) {
                    hash.update(chunk);
                    bytes += chunk.length;
                    yield chunk;
                }
            },
            createWriteStream(file),
            { signal },
        );
    });
    await syncAll(file);
    return { [basename(path)]: { bytes, sha256: hash.digest("hex") } };
}

/** Hands on a dump as it is, and its pieces to the taker. */
export async function* lexed(chunks: AsyncIterable<Buffer>, taker: Taker): AsyncGenerator<Buffer> {
    const lexer = new DumpLexer();
    for await (const chunk of chunks) {
        for (const piece of lexer.push(chunk)) {
            taker.take(piece);
        }
        yield chunk;
    }
    for (const piece of lexer.end()) {
        taker.take(piece);
    }
}

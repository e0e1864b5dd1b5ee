import { constants, createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
    type FilesHeader,
    filesHeader,
    filesVersion,
    type ListedFile,
    listedFile,
    listedName,
    nameListed,
} from "../../contract/files";
import type { Soon } from "./after";
import { codeOf, met } from "./failure";
import type { Folders } from "./folders";
import { Spool } from "./spool";
import type { Entry } from "./tree";

/** What a manifest knows of a file. */
export interface Known {
    path: string;
    size: number;
    /** Milliseconds since 1970. */
    mtime: number;
    /** Inode in production, where that is told. */
    ino?: number;
    sha256?: string;
}

/** Bytes that are gathered before they are written. */
const piece = 262_144;

/** Writes a manifest, line by line. */
export class ManifestWriter {
    private lines: string[];
    private characters = 0;
    private writing: Promise<void> = Promise.resolve();

    private constructor(
        private readonly file: FileHandle,
        private readonly path: string,
        private readonly published: string | undefined,
    ) {
        this.lines = [headerOf({ published })];
    }

    /** @param published of a store's: when it was changed last */
    static async create(path: string, published?: string): Promise<ManifestWriter> {
        return new ManifestWriter(await open(path, "w", 0o644), path, published);
    }

    add(entry: Entry, sha256?: string): Soon<void> {
        const { ino, ...others } = listed(entry, sha256);
        // A copy's inode says nothing to anybody.
        const line = JSON.stringify(this.published === undefined ? others : { ...others, ino });
        this.lines.push(line);
        this.characters += line.length;
        return this.characters >= piece ? this.flush() : undefined;
    }

    /** Ends it; from then on it survives a crash. */
    async end(): Promise<void> {
        try {
            await this.flush();
            await this.file.sync().catch((error) => met(error, this.path));
        } finally {
            await this.file.close();
        }
    }

    private flush(): Promise<void> {
        const text = `${this.lines.join("\n")}\n`;
        this.lines = [];
        this.characters = 0;
        this.writing = this.writing.then(() => this.file.writeFile(text)).catch((error) => met(error, this.path));
        return this.writing;
    }
}

/** The first line of a manifest. */
export function headerOf(more: Pick<FilesHeader, "published" | "unfinished">): string {
    return JSON.stringify({ manifest: "files", version: filesVersion, ...more } satisfies FilesHeader);
}

function listed(entry: Entry, sha256?: string): ListedFile {
    const { path, kind, mtime, mode, uid, gid } = entry;
    return {
        ...listedName(path),
        kind,
        ...(entry.kind === "file" && { size: entry.size, ino: entry.ino }),
        mtime,
        ...{ mode, uid, gid },
        ...(entry.kind === "link" && { target: Buffer.from(entry.target, "latin1").toString("hex") }),
        ...(sha256 !== undefined && { sha256 }),
    };
}

/**
 * Reads what a manifest below a folder knows of its files.
 *
 * @param kinds of entries that are wanted
 * @returns undefined if there is none
 * @throws {Error} when it is one of another version, or none at all
 */
export async function readManifest(
    tree: Folders,
    name: string,
    kinds: ListedFile["kind"][] = ["file"],
): Promise<Spool<Known> | undefined> {
    return readListed(tree, name, ({ kind, size = 0, mtime, ino, sha256, ...name }) => {
        const told = { ...(ino !== undefined && { ino }), ...(sha256 !== undefined && { sha256 }) };
        return kinds.includes(kind) ? { path: nameListed(name), size, mtime, ...told } : undefined;
    });
}

/**
 * Reads of a manifest below a folder what is wanted of each entry.
 *
 * @param wanted undefined of an entry of which nothing is
 * @returns undefined if there is none
 * @throws {Error} when it is one of another version, or none at all
 */
export async function readListed<T>(
    tree: Folders,
    name: string,
    wanted: (entry: ListedFile) => T | undefined,
): Promise<Spool<T> | undefined> {
    return tree.at(name, async (path) => {
        const found = await tree.calls.find(path);
        if (found === undefined) {
            return undefined;
        }
        const file = await tree.calls.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        const known = new Spool<T>();
        let count = 0;
        try {
            for await (const line of linesOf(createReadStream("", { fd: file }))) {
                count += 1;
                if (count === 1) {
                    filesHeader.parse(JSON.parse(line));
                    continue;
                }
                const item = wanted(listedFile.parse(JSON.parse(line)));
                if (item !== undefined) {
                    known.add(item);
                }
            }
        } catch (error) {
            known.close();
            const code = codeOf(error as NodeJS.ErrnoException);
            throw new Error(code === undefined ? `line ${count} is none of version ${filesVersion}` : code);
        }
        return known;
    });
}

/** Lines end where a line feed is, and nowhere else: names may hold what Unicode takes for the end of one. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
    let rest: Buffer[] = [];
    for await (const chunk of chunks) {
        let from = 0;
        for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
            yield Buffer.concat([...rest, chunk.subarray(from, end)]).toString();
            rest = [];
            from = end + 1;
        }
        rest.push(chunk.subarray(from));
    }
    const cut = Buffer.concat(rest).toString();
    if (cut !== "") {
        yield cut;
    }
}

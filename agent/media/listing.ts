import { joined, type List } from "./join";
import { Spool } from "./spool";
import type { Entry, FileEntry, FolderEntry, LinkEntry, Objection } from "./tree";

/** A file whose content another name in the tree has as well. */
export interface Twin extends FileEntry {
    /** The name that is copied. */
    first: string;
}

/** From how many bytes on a file is copied before all that have fewer. */
const classes = [64 * 2 ** 20, 2 ** 20, 0];

/** What a tree holds, sorted by what is to be done, on the disk. */
export class Listing {
    readonly folders = new Spool<FolderEntry>();
    readonly links = new Spool<LinkEntry>();
    /** Files to be copied, the largest first as far as may be. */
    readonly fresh = classes.map(() => new Spool<FileEntry>());
    /** Files that are unchanged since the former generation. */
    readonly same = new Spool<FileEntry>();
    readonly twins = new Spool<Twin>();
    /** Files, and their bytes, without further names of the same. */
    files = 0;
    bytes = 0;
    /** Bytes on the disk of what is to be copied. */
    freshBytes = 0;
    /** The first of what may not be copied, and how many there are. */
    objection: Objection | undefined;
    objections = 0;
    private readonly several = new Spool<{ file: FileEntry & { inode: string }; same: boolean }>();

    /** @param same whether a file is unchanged since the former generation */
    add(entry: Entry, same: boolean): void {
        if (entry.kind === "folder") {
            this.folders.add(entry);
        } else if (entry.kind === "link") {
            this.links.add(entry);
        } else {
            this.files += 1;
            this.bytes += entry.size;
            const { inode } = entry;
            if (inode === undefined) {
                this.sort(entry, same);
            } else {
                this.several.add({ file: { ...entry, inode }, same });
            }
        }
    }

    object(objection: Objection): void {
        this.objection ??= objection;
        this.objections += 1;
    }

    /** To be called when all is added: of a file with several names one is copied. */
    complete(): void {
        for (const { items } of joined(this.several, [], ({ file }: { file: { inode: string } }) => file.inode)) {
            const firsts = new Map<string, FileEntry>();
            for (const { file, same } of items) {
                const first = firsts.get(file.inode);
                if (first === undefined) {
                    firsts.set(file.inode, file);
                    this.sort(file, same);
                } else {
                    // What was changed between two looks at one file is not another file's: all its names are as the first.
                    const { uid, gid, mode } = first;
                    this.twins.add({ ...file, uid, gid, mode, first: first.path });
                }
            }
        }
    }

    /** All files, in any order. */
    get everyFile(): List<FileEntry> {
        const spools: Iterable<FileEntry>[] = [this.same, ...this.fresh, this.twins];
        return {
            length: this.files,
            *[Symbol.iterator]() {
                for (const spool of spools) {
                    yield* spool;
                }
            },
        };
    }

    close(): void {
        for (const spool of [this.folders, this.links, ...this.fresh, this.same, this.twins, this.several]) {
            spool.close();
        }
    }

    private sort(file: FileEntry, same: boolean): void {
        if (same) {
            this.same.add(file);
        } else {
            this.fresh[classes.findIndex((least) => file.size >= least)]?.add(file);
            this.freshBytes += file.disk;
        }
    }
}

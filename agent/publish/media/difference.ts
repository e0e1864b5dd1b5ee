import { storeApart } from "../../../contract/files";
import type { MediaPublication } from "../../../contract/publication";
import type { Folders } from "../../media/folders";
import { Hashes } from "../../media/hash";
import { joined } from "../../media/join";
import { inParallel } from "../../media/lanes";
import { Listing } from "../../media/listing";
import type { Known } from "../../media/manifest";
import { identityOf } from "../../media/place";
import { timeTolerance } from "../../media/prove";
import { Spool } from "../../media/spool";
import { type Entry, type FileEntry, readTree } from "../../media/tree";
import type { Watch } from "../../report";

/** An entry, and the hash of its content as far as it is known. */
export type Hashed = Entry & { sha256?: string };

/** Arguments of {@link Difference.read}. */
export interface DifferenceArgs {
    media: MediaPublication;
    source: Folders;
    store: Folders;
    /** What the store's last whole manifest knows. */
    former: Spool<Known>;
    /** Files of the store that have changed since they came. */
    rotten: Set<string>;
    watch: Watch;
    signal: AbortSignal;
}

const byPath = ({ path }: { path: string }) => path;

/** What production has, what the store has, and what brings the one to the other. */
export class Difference {
    /** All that production has. */
    readonly listing = new Listing();
    /** What of it has to come. */
    readonly wanted = new Listing();
    /** What the store has of it already, folders left out. */
    readonly kept = new Spool<Hashed>();
    /** Files that the store has. */
    readonly present = new Spool<Known>();
    /** What stands in the store where production has a folder, or is a folder where it has something else. */
    readonly obstacles = new Spool<Entry>();
    /** What the store has, and production has not. */
    readonly orphans = new Spool<Entry>();
    /** Files that the store has, and production no longer has as files. */
    gone = 0;
    /** Files that seem to be as they were, but have another inode: put in the place of what came, or on another volume. */
    private readonly doubtful = new Spool<FileEntry & { sha256?: string }>();
    /** Folders that are missing, or have another time. */
    private folders = 0;

    static async read(args: DifferenceArgs): Promise<Difference> {
        const difference = new Difference();
        const [found, stored] = [new Spool<Entry>(), new Spool<Entry>()];
        try {
            await difference.readBoth(args, found, stored);
            difference.compare(args, found, stored);
            await difference.decide(args);
            return difference;
        } catch (error) {
            difference.close();
            throw error;
        } finally {
            found.close();
            stored.close();
        }
    }

    /** Whether there is anything to be changed. */
    get isAny(): boolean {
        const { wanted, obstacles, orphans, folders } = this;
        return wanted.files + wanted.links.length + obstacles.length + orphans.length + folders > 0;
    }

    close(): void {
        const { listing, wanted, kept, present, obstacles, orphans, doubtful } = this;
        for (const list of [listing, wanted, kept, present, obstacles, orphans, doubtful]) {
            list.close();
        }
    }

    private async readBoth(args: DifferenceArgs, found: Spool<Entry>, stored: Spool<Entry>): Promise<void> {
        const { media, source, store, watch, signal } = args;
        const { exclude, links } = media;
        const object = this.listing.object.bind(this.listing);
        watch(() => ({ done: found.length + stored.length, unit: "file" }));
        const rules = { exclude, links, apart: storeApart, forbidden: await identityOf(media.store) };
        await readTree(source, rules, (entry) => found.add(entry), object, signal);
        const add = (entry: Entry) => {
            stored.add(entry);
            if (entry.kind === "file") {
                const { path, size, mtime } = entry;
                this.present.add({ path, size, mtime });
            }
        };
        const strange = ({ path, reason }: { path: string; reason: string }) =>
            object({ path, reason: `, as it stands in the store, ${reason}` });
        await readTree(store, { exclude: [], links: "keep", apart: storeApart }, add, strange, signal);
    }

    private compare({ former, rotten }: DifferenceArgs, found: Spool<Entry>, stored: Spool<Entry>): void {
        const others: (Spool<Entry> | Spool<Known>)[] = [stored, former];
        for (const { items, known } of joined<Entry, Entry | Known>(found, others, byPath)) {
            const [inStore, before] = known as [Map<string, Entry>, Map<string, Known>];
            for (const entry of items) {
                this.add(entry, inStore.get(entry.path), rotten.has(entry.path) ? "rotten" : before.get(entry.path));
            }
        }
        for (const { items, known } of joined<Entry, Entry>(stored, [found], byPath)) {
            for (const entry of items) {
                const now = known[0]?.get(entry.path);
                if (now === undefined) {
                    this.orphans.add(entry);
                }
                this.gone += entry.kind === "file" && now?.kind !== "file" ? 1 : 0;
            }
        }
    }

    /** Reads what is in doubt, in production, so that files that were only moved to another volume need not come again. */
    private async decide({ source, signal }: DifferenceArgs): Promise<void> {
        const hashes = new Hashes(signal);
        await inParallel(
            this.doubtful,
            async (entry) => {
                const found = await hashes.of(source, entry.path, entry.size).catch(unlessGone);
                this.sort(entry, found !== undefined && found === entry.sha256, entry.sha256);
            },
            signal,
        );
        this.listing.complete();
        this.wanted.complete();
    }

    private add(entry: Entry, there: Entry | undefined, before: Known | "rotten" | undefined): void {
        if (there !== undefined && there.kind !== entry.kind && [there.kind, entry.kind].includes("folder")) {
            this.obstacles.add(there);
        }
        if (entry.kind === "folder") {
            this.listing.add(entry, false);
            this.folders += there?.kind === "folder" && isTimely(entry, there) ? 0 : 1;
            return;
        }
        const isThere =
            before !== "rotten" &&
            (entry.kind === "link"
                ? there?.kind === "link" && there.target === entry.target && isTimely(entry, there)
                : there?.kind === "file" && isSameFile(entry, there));
        if (!isThere || entry.kind === "link" || before === undefined) {
            this.sort(entry, isThere);
        } else if (isSameFile(entry, before) && before.ino !== entry.ino) {
            this.doubtful.add({ ...entry, ...(before.sha256 !== undefined && { sha256: before.sha256 }) });
        } else {
            this.sort(entry, isSameFile(entry, before), before.sha256);
        }
    }

    private sort(entry: Entry, isSame: boolean, sha256?: string): void {
        this.listing.add(entry, isSame);
        if (isSame) {
            this.kept.add({ ...entry, ...(sha256 !== undefined && { sha256 }) });
        } else {
            this.wanted.add(entry, false);
        }
    }
}

function isTimely(one: { mtime: number }, other: { mtime: number }): boolean {
    return Math.abs(one.mtime - other.mtime) < timeTolerance;
}

function isSameFile(one: { size: number; mtime: number }, other: { size: number; mtime: number }): boolean {
    return one.size === other.size && isTimely(one, other);
}

/** Nothing for what is no longer there. */
function unlessGone(error: NodeJS.ErrnoException): undefined {
    if (error.code !== "ENOENT") {
        throw error;
    }
}

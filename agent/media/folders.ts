import { constants } from "node:fs";
import { after, closing, type Soon, unless } from "./after";
import { Calls } from "./calls";
import { met } from "./failure";
import { inParallel, Width } from "./lanes";
import { below, raw, split } from "./name";

/** Handles that are kept open of one tree. */
const limit = 256;

/** Linux's flag for a handle that is a place and nothing more; Node does not name it. */
const asPlace = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** An open folder, and how many are at work in it. */
interface Handle {
    file: Soon<number>;
    users: number;
}

/**
 * A tree of which every folder is entered from the one above it, by its open handle, and never by way of a link: whoever
 * puts a link into a folder's place meanwhile leads nobody out. Paths may be longer than the system takes at once.
 */
export class Folders {
    readonly calls = new Calls();
    /** How much may be under way in the tree at once. */
    readonly width = new Width();
    private readonly handles = new Map<string, Handle>();

    /**
     * @param root the tree's own folder, however it is called
     * @param make makes a folder that is missing; none are made if left out
     */
    constructor(
        readonly root: string,
        private readonly make?: (path: Buffer, calls: Calls) => Promise<void>,
    ) {}

    /** Works on something below the root, by a path that is good until the work ends. The errors say which it was. */
    at<T>(path: string, work: (path: Buffer) => Soon<T>): Soon<T> {
        const [folder, name] = split(path);
        return this.enter(folder, path, (place) => work(raw(`${place}/${name}`)));
    }

    /** Works in a folder below the root, which is `""`, by a path that is good until the work ends. */
    in<T>(folder: string, work: (place: string) => Soon<T>): Soon<T> {
        return this.enter(folder, folder, work);
    }

    /** @param path what the work is about */
    private enter<T>(folder: string, path: string, work: (place: string) => Soon<T>): Soon<T> {
        const handle = this.handles.get(folder) ?? this.open(folder);
        handle.users += 1;
        return closing(
            () =>
                unless(
                    () => after(handle.file, (file) => work(`/proc/self/fd/${file}`)),
                    (error) => met(error, this.pathOf(path)),
                ),
            () => {
                handle.users -= 1;
            },
        );
    }

    /** Where something below the root stands, for people. */
    private pathOf(path: string): string {
        const root = Buffer.from(this.root).toString("latin1");
        return path === "" ? root : below(root, path);
    }

    /** Closes a folder that is not entered again. Nobody may be at work in it. */
    async leave(folder: string): Promise<void> {
        const handle = this.handles.get(folder);
        this.handles.delete(folder);
        if (handle !== undefined) {
            await this.calls.close(await handle.file);
        }
    }

    /** Closes what is open. Nobody may be at work. */
    async close(): Promise<void> {
        const all = [...this.handles.values()];
        this.handles.clear();
        for (const { file } of all) {
            await this.calls.close(await file);
        }
    }

    private open(folder: string): Handle {
        this.leaveSome();
        const handle: Handle = { users: 0, file: 0 };
        handle.file = this.handle(folder).then(
            (file) => {
                handle.file = file;
                return file;
            },
            (error) => {
                this.handles.delete(folder);
                throw error;
            },
        );
        this.handles.set(folder, handle);
        return handle;
    }

    private async handle(folder: string): Promise<number> {
        if (folder === "") {
            return this.calls.open(Buffer.from(this.root), constants.O_RDONLY | constants.O_DIRECTORY);
        }
        return this.at(folder, async (path) => {
            try {
                return await this.calls.open(path, asPlace);
            } catch (error) {
                if (this.make === undefined || (error as NodeJS.ErrnoException).code !== "ENOENT") {
                    throw error;
                }
                await this.make(path, this.calls);
                return this.calls.open(path, asPlace);
            }
        });
    }

    /** Closes the handles that were opened first and are not needed now. */
    private leaveSome(): void {
        if (this.handles.size < limit) {
            return;
        }
        let surplus = limit / 4;
        for (const [folder, { file, users }] of this.handles) {
            if (surplus === 0) {
                return;
            }
            if (users === 0 && typeof file === "number" && folder !== "") {
                this.handles.delete(folder);
                void this.calls.close(file);
                surplus -= 1;
            }
        }
    }
}

/** Names of a folder that are removed before it is looked at again. */
const some = 10_000;

/** Removes a folder of a tree with all that is in it, links and not what they lead to. */
export async function removeFolder(tree: Folders, folder: string): Promise<void> {
    for (;;) {
        const entries = await namesIn(tree, folder);
        if (entries.length === 0) {
            break;
        }
        for (const { path } of entries.filter(({ isFolder }) => isFolder)) {
            await removeFolder(tree, path);
        }
        const others = entries.filter(({ isFolder }) => !isFolder);
        await inParallel(others, ({ path }) => tree.at(path, (full) => tree.calls.unlink(full)), never);
    }
    await tree.leave(folder);
    await tree.at(folder, (path) => tree.calls.rmdir(path));
}

async function namesIn(tree: Folders, folder: string): Promise<{ path: string; isFolder: boolean }[]> {
    return tree.in(folder, async (place) => {
        const found: { path: string; isFolder: boolean }[] = [];
        for await (const entries of tree.calls.list(raw(place))) {
            found.push(...entries.map((entry) => ({ path: below(folder, entry.name), isFolder: entry.isDirectory() })));
            if (found.length >= some) {
                break;
            }
        }
        return found;
    });
}

const never = new AbortController().signal;

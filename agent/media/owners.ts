import type { Stats } from "node:fs";
import { lchown, lstat, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MediaPlan } from "../../contract";
import { Refusal } from "../refusal";
import type { Calls } from "./calls";
import { fileMode, folderMode, own, unchanged } from "./copy";
import { codeOf } from "./failure";
import type { Source } from "./source";
import type { Entry } from "./tree";

/** Whose something is, and what may be done with it. */
type Rights = Pick<Entry, "uid" | "gid" | "mode">;

/** The entry, as far as it says whose it is. */
type Owned = Rights & Pick<Entry, "kind">;

/** Errors of a volume that does not let anybody give files away, or not to whom nobody knows there. */
const unwilling = new Set(["EPERM", "EACCES", "EINVAL", "EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EOVERFLOW"]);

/** Whose the entries of a copy are, and what may be done with them: the only place that has this rule. */
export class Owners {
    private constructor(
        private readonly media: Pick<MediaPlan, "owners" | "group" | "sharing" | "user" | "modes">,
        private readonly hasOwners: boolean,
        /** The agent's user id, by which the volume knows it. */
        private readonly agent: number,
        /** Why they are the agent's although production's are asked for; absent if nobody asks, or they are kept. */
        private readonly reason: string | undefined,
    ) {}

    /**
     * Looks whose they can be, before anything is copied: a file that is shared with the former generation has to be as it
     * would be now.
     */
    static async find(media: MediaPlan, { hasOwners }: Pick<Source, "hasOwners">): Promise<Owners> {
        const isAsked = media.owners === "production";
        const isGiven = media.user !== undefined;
        const { agent, reason } = await tryVolume(media.volume, isGiven || (isAsked && hasOwners));
        if (isGiven && reason !== undefined && media.user !== agent) {
            throw new Refusal(
                `The files cannot be given to user ${media.user}, as ${reason}: let the agent log in as root, or as that ` +
                    "user, or leave user out.",
            );
        }
        return new Owners(media, hasOwners, agent, isAsked && !hasOwners ? "a bucket knows no owners" : reason);
    }

    /** Whether they are production's. */
    get areKept(): boolean {
        return this.media.owners === "production" && this.reason === undefined;
    }

    /** Whose and with which permissions an entry of production's is in the copy. The permissions of a link say nothing. */
    of({ kind, uid, gid, mode }: Owned): Rights {
        if (this.areKept) {
            return { uid, gid, mode: kind === "folder" ? mode : mode & 0o777 };
        }
        const { group, sharing, user = this.agent, modes } = this.media;
        const files = modes === undefined ? fileMode(mode, sharing) : modes.files | programBits(mode, modes.files);
        return { uid: user, gid: group, mode: kind === "folder" ? (modes?.folders ?? folderMode) : files };
    }

    /** Whether what was found is as the entry is in the copy. */
    fit(entry: Owned, found: Pick<Stats, "uid" | "gid" | "mode">): boolean {
        const { uid, gid, mode } = this.of(entry);
        const isAllowed = entry.kind === "link" || (found.mode & 0o7777) === mode;
        return found.uid === uid && found.gid === gid && isAllowed;
    }

    /** Makes what was just made for an entry as it is in the copy. */
    async give(entry: Owned, path: Buffer, calls: Calls): Promise<void> {
        const { uid, gid, mode } = this.of(entry);
        const user = this.areKept || this.media.user !== undefined ? uid : unchanged;
        await (entry.kind === "link" ? calls.chown(path, user, gid) : own(path, calls, gid, mode, user));
    }

    /** Whose they are, for the report. */
    get sentence(): string {
        if (this.areKept) {
            return "production's, and its permissions; files without set-user-id, set-group-id and sticky bits";
        }
        const listed = this.hasOwners ? "; production's are in the file manifest" : "";
        const why = this.reason === undefined ? "" : `, as ${this.reason}`;
        const { group, user } = this.media;
        return `${user === undefined ? `the agent's, ${this.agent}` : user}:${group}${why}${listed}`;
    }

    /** What a last word has to add: empty if they are whose they were asked to be. */
    get mapped(): string {
        return this.reason === undefined ? "" : ` Owners are the agent's, not production's, as ${this.reason}.`;
    }
}

/** A program stays one for whoever may read it. */
function programBits(mode: number, files: number): number {
    return mode & 0o111 & (files >> 2);
}

/** By whatever id a volume knows the agent, and why it does not let production's owners be kept, if it does not. */
async function tryVolume(volume: string, isAsked: boolean): Promise<{ agent: number; reason?: string }> {
    const path = join(volume, ".understudy.owner");
    await rm(path, { force: true });
    try {
        await writeFile(path, "", { flag: "wx" });
        const { uid, gid } = await lstat(path);
        if (!isAsked) {
            return { agent: uid };
        }
        // Somebody else's for sure: that a file may be given to whom it belongs says nothing.
        const wanted = { uid: uid + 1, gid: gid + 1 };
        const refused = await lchown(path, wanted.uid, wanted.gid).catch(codeOfUnwilling);
        if (refused !== undefined) {
            return { agent: uid, reason: `the volume does not let the agent give files away (${refused})` };
        }
        const found = await lstat(path);
        const isGiven = found.uid === wanted.uid && found.gid === wanted.gid;
        return { agent: uid, ...(!isGiven && { reason: "the volume does not keep whose a file is" }) };
    } finally {
        await rm(path, { force: true });
    }
}

function codeOfUnwilling(error: NodeJS.ErrnoException): string {
    const code = codeOf(error);
    if (code === undefined || !unwilling.has(code)) {
        throw error;
    }
    return code;
}

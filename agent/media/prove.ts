import type { Stats } from "node:fs";
import type { MediaPlan } from "../../contract";
import type { Watch } from "../report";
import { plural } from "../report";
import { after, type Soon } from "./after";
import type { Copied, Made } from "./copy";
import type { Folders } from "./folders";
import { Hashes } from "./hash";
import { joined, number } from "./join";
import { inParallel } from "./lanes";
import type { Known, ManifestWriter } from "./manifest";
import { display } from "./name";
import type { Owners } from "./owners";
import type { Spool } from "./spool";
import { countNames } from "./tree";

/** Milliseconds by which a copied time may differ: Node sets times as floating-point seconds, cut to microseconds. */
export const timeTolerance = 0.003;

/** Arguments of {@link proveCopy}. */
export interface ProofArgs {
    copied: Copied;
    target: Folders;
    /** What production's own manifest knows; absent if there is none. */
    production?: Spool<Known> | undefined;
    /** What the former generation's manifest knows. */
    former?: Spool<Known> | undefined;
    manifest: ManifestWriter;
    /** Whose the entries are to be. */
    owners: Owners;
    plan: Pick<MediaPlan, "generation" | "verify">;
    watch: Watch;
    signal: AbortSignal;
}

/** What a proof has found. */
export interface Proof {
    /** Sentences on what was compared. */
    proof: string[];
    /** Sentences on what could not be. */
    unknown: string[];
}

/**
 * Compares a copy with what was copied, entry by entry, and the contents of some with what the manifests know of them;
 * and writes the copy's own manifest.
 *
 * @throws {Error} when anything differs
 */
export async function proveCopy(args: ProofArgs): Promise<Proof> {
    const { copied, target, production, former, manifest, owners, plan, watch, signal } = args;
    const { made } = copied;
    const hashes = new Hashes(signal);
    const count = { looked: 0, hashed: 0, fromFormer: 0, changed: 0 };
    watch(() => ({ done: count.looked, unit: "file", part: { of: made.length, through: count.looked } }));
    const others = [production ?? [], former ?? []];

    for (const { items, known } of joined(made, others, ({ path }: { path: string }) => path)) {
        const [named, before] = known;
        await inParallel(
            items,
            (entry) =>
                after(
                    target.at(entry.path, (path) => compare(entry, path)),
                    () =>
                        after(contentOf(entry, named?.get(entry.path), before?.get(entry.path)), (sha256) => {
                            count.looked += 1;
                            return manifest.add(entry, sha256);
                        }),
                ),
            signal,
            { width: target.width },
        );
    }
    const names = await countNames(target, signal);
    if (names !== made.length) {
        throw new Error(`The copy holds ${names} names instead of ${made.length}: it is not used.`);
    }
    return { proof: proofs(), unknown: unknowns() };

    function compare(entry: Made, path: Buffer): Soon<void> {
        const { calls } = target;
        // What is linked is the former generation's as well, and nothing is done to that.
        const owned = after(calls.lstat(path), (status) =>
            entry.how === "linked" || !isKind(entry, status) || owners.fit(entry, status)
                ? status
                : owners.give(entry, path, calls).then(() => calls.lstat(path)),
        );
        return after(owned, (status) => {
            const wrong = difference(status);
            if (wrong !== undefined) {
                throw new Error(`The copy of ${display(entry.path)} ${wrong}: the copy is not used.`);
            }
        });

        function difference(status: Stats): string | undefined {
            if (!isKind(entry, status)) {
                return `is no ${entry.kind}`;
            }
            if (entry.kind === "file" && status.size !== entry.size) {
                return `has ${status.size} bytes instead of ${entry.size}`;
            }
            if (!owners.fit(entry, status)) {
                return `has mode ${(status.mode & 0o7777).toString(8)} and owner ${status.uid}:${status.gid}`;
            }
            const isTimely = Math.abs(status.mtimeMs - entry.mtime) < timeTolerance;
            return isTimely ? undefined : `has the time ${status.mtime.toISOString()}`;
        }
    }

    /** The hash of a file's content as far as it is known; compared with the copy's if it is the file's turn. */
    function contentOf(file: Made, now?: Known, then?: Known): Soon<string | undefined> {
        if (file.kind !== "file") {
            return undefined;
        }
        const isOf = (known: Known | undefined) =>
            known?.sha256 !== undefined &&
            known.size === file.size &&
            Math.abs(known.mtime - file.mtime) < timeTolerance;
        const isLinked = file.how === "linked" || (file.how === "cloned" && isOf(then));
        count.changed += isOf(now) ? 0 : 1;
        const expected = isOf(now) ? now?.sha256 : isLinked && isOf(then) ? then?.sha256 : undefined;
        if (expected === undefined || !isPicked(file.path, isLinked ? plan.verify.linked : plan.verify.copied)) {
            return isLinked && isOf(then) ? then?.sha256 : undefined;
        }
        return hashes.of(target, file.path, file.size).then((found) => {
            if (found !== expected) {
                throw new Error(
                    `The content of ${display(file.path)} is not what ${isOf(now) ? "production's" : "the former copy's"} ` +
                        `file manifest names (SHA-256 ${found} instead of ${expected}): the copy is not used.`,
                );
            }
            count.hashed += 1;
            count.fromFormer += isOf(now) ? 0 : 1;
            return found;
        });
    }

    /** Whether a file is among those whose content is compared: others with every generation. */
    function isPicked(path: string, percent: number): boolean {
        return (number(`${plan.generation} ${path}`) / 2 ** 32) * 100 < percent;
    }

    function proofs(): string[] {
        const { hashed, fromFormer } = count;
        const byProduction = hashed - fromFormer;
        return [
            `kind, size, time, permissions and owner of ${plural(made.length, "name")}`,
            ...(byProduction > 0 ? [`SHA-256 of ${plural(byProduction, "file")} by production's file manifest`] : []),
            ...(fromFormer > 0 ? [`SHA-256 of ${plural(fromFormer, "shared file")} by the former copy's`] : []),
        ];
    }

    function unknowns(): string[] {
        if (production === undefined) {
            return ["contents: the media source has no file manifest"];
        }
        const { changed } = count;
        return changed === 0
            ? []
            : [
                  `contents of ${plural(changed, "file")} that production's file manifest does not know, or not as they are`,
              ];
    }
}

function isKind({ kind }: Made, status: Stats): boolean {
    return { file: status.isFile(), folder: status.isDirectory(), link: status.isSymbolicLink() }[kind];
}

import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { bundle } from "../../agent/bundle";
import { isUnfinished } from "../../agent/media/edition";
import { removeMediaGeneration } from "../../agent/media/volume";
import { type CopyPlan, exitStatus, generationFolder, generationMarker, volumeMarker } from "../../contract";
import { storeApart, storeFiles, storeOwn } from "../../contract/files";
import type { Publication } from "../../contract/publication";
import { startClusterApi } from "../cluster-api";
import { digest, settle } from "../media/places";
import { publicationIn } from "../postgres/publisher";
import { agentIn, planIn, type RunAgent } from "../postgres/replica";
import { expectTruth } from "./stage";
import { type Outcome, tell } from "./table";
import { dayOne, dayTwo } from "./tree";

/** A fault, and what is to come of it. */
export interface MediaFault extends Omit<Outcome, "sentence"> {
    /** Brings it about, before the run. */
    inject?(): unknown;
    /** Gets the run's process as soon as there is one. */
    started?(child: ChildProcess): unknown;
    /** Takes it away again, before the next run. */
    mend?(): unknown;
    /** How the run ends; `any` where chance has a part in it. */
    status: number | "any";
    /** What it says then: which path, and why. */
    says: RegExp;
    env?: NodeJS.ProcessEnv;
    /** Whether production goes on writing during the run. */
    busy?: boolean;
}

/** Media that are in use, production's newer ones, and what is done to them. */
export interface MediaStage<P> {
    /** Holds everything else. */
    folder: string;
    /** Production's files, and the volume or store that is written, as they are on the disk. */
    source: string;
    target: string;
    /**
     * Lets a run suffer a fault and checks what has to be true after each: the run tells the truth; what is in use, production's
     * files and everything outside are byte for byte as before; the next run makes the copy whole and leaves nothing over
     * (seen once after refusals, which leave the target byte for byte as it was).
     */
    suffered(fault: MediaFault, change?: (plan: P) => void): Promise<void>;
    /** Prints what became of the faults, and removes everything. */
    stop(): void;
}

/** Where a stage stands: its folders, and by which path the agent sees those in `real`. */
export interface Scene {
    folder: string;
    real: string;
    seen: string;
}

/** A run's side: a replica's, which makes a generation, or production's, which fills the store. */
interface Side<P> {
    plan(): P;
    run(plan: P, options?: Parameters<RunAgent<string, P>>[2]): ReturnType<RunAgent<string, P>>;
    /** Everything that a failed run must not change. */
    kept(): string;
    /** What stands in the place of the plan's copy. */
    copy(plan: P): string;
    /** What is there that nobody needs. */
    leftovers(plan: P): string[];
    /** Takes the plan's copy away again. */
    forget(plan: P): Promise<void>;
    /** Ends what was started for it. */
    close?(): void;
}

/** New folders, with production's files of one day in them. */
export function makeScene(): Scene {
    const folder = mkdtempSync(join(tmpdir(), "understudy-faults-"));
    const real = join(folder, "real");
    for (const name of ["real/source", "real/target", "outside", "tmp", "agent"]) {
        mkdirSync(join(folder, name), { recursive: true });
    }
    writeFileSync(join(folder, "outside/secret"), "secret");
    dayOne(join(real, "source"));
    return { folder, real, seen: real };
}

/** A replica whose generation in use is a day older than production's files. */
export async function openReplicaStage(scene: Scene): Promise<MediaStage<CopyPlan>> {
    const { folder, real, seen } = scene;
    const volume = join(real, "target");
    const run = agentIn<"prepare-media", CopyPlan>(join(folder, "agent"), await bundle());
    let made = 0;
    const plan = () => {
        made += 1;
        const one = planIn(folder, 1, "00000000aa", made.toString(16).padStart(10, "0"));
        Object.assign(one.media, { source: join(seen, "source"), volume: join(seen, "target") });
        return one;
    };
    const inUse = plan();
    const { generation: used } = inUse.media;
    return open(scene, inUse, {
        plan,
        run: (one, options) => run("prepare-media", one, options),
        kept: () =>
            [generationFolder(used), generationMarker(used), volumeMarker]
                .map((path) => census(join(volume, path)))
                .join(),
        copy: ({ media: { generation } }) => digest(join(volume, generationFolder(generation))),
        leftovers({ media: { generation } }) {
            const needed = [used, generation].flatMap((id) => [id, `${id}.files.jsonl`, `${id}.json`]);
            const others = namesIn(volume).filter((name) => ![volumeMarker, "generations"].includes(name));
            return [...readdirSync(join(volume, "generations")).filter((name) => !needed.includes(name)), ...others];
        },
        forget: ({ media: { generation } }) => removeMediaGeneration(volume, generation),
    });
}

/** Production's store of media, a day older than its files. */
export async function openStoreStage(scene: Scene): Promise<MediaStage<Publication>> {
    const { folder, real, seen } = scene;
    const [store, aside] = [join(real, "target"), join(folder, "aside")];
    const run = agentIn<"publish-media", Publication>(join(folder, "agent"), await bundle());
    const cluster = await startClusterApi(join(folder, "account"));
    const plan = (): Publication => ({
        ...publicationIn(folder, join(folder, "backups"), 1),
        media: {
            ...{ source: join(seen, "source"), store: join(seen, "target"), group: 10001 },
            ...{ exclude: [], links: "refuse", minimumFiles: 1, maximumDeletions: 20 },
        },
    });
    const stage = await open(scene, plan(), {
        plan,
        run: (one, options) => run("publish-media", one, { ...options, env: { ...cluster.env, ...options?.env } }),
        close: () => cluster.close(),
        kept: () => census(store, isStored),
        copy: () => digest(store).split("\n").filter(isMedia).join("\n"),
        leftovers: () =>
            namesIn(store).filter((name) => name.startsWith(".") && ![storeFiles, storeOwn.editions].includes(name)),
        async forget() {
            execFileSync("rsync", ["-aH", "--delete", "--exclude=/lost+found", `${aside}/`, `${store}/`]);
        },
    });
    execFileSync("rsync", ["-aH", "--exclude=/lost+found", `${store}/`, aside]);
    return stage;
}

/** Makes the copy that is in use, and lets production write for a day. */
async function open<P>({ folder, real }: Scene, inUse: P, side: Side<P>): Promise<MediaStage<P>> {
    const [source, target, outside] = ["source", "target", "../outside"].map((name) => join(real, name)) as [
        string,
        string,
        string,
    ];
    const env = { TMPDIR: join(folder, "tmp") };
    const outcomes: Outcome[] = [];
    let refusals = 0;
    const converged = async (plan: P) => {
        const { status, sentence, log } = await side.run(plan, { env });
        expect(status, `${sentence}\n${log}`).toBe(exitStatus.done);
        expect(side.copy(plan)).toBe(digest(source));
        expect(side.leftovers(plan)).toEqual([]);
    };
    await converged(inUse);
    dayTwo(source);

    return {
        folder,
        source,
        target,
        async suffered({ fault, step, inject, started, mend, status, says, env: more, busy, half }, change) {
            const before = { kept: side.kept(), outside: census(outside) };
            const plan = side.plan();
            try {
                await inject?.();
                const [found, stood] = [busy === true ? "" : census(source), census(target)];
                const faulty = structuredClone(plan);
                change?.(faulty);
                const ending = await side.run(faulty, {
                    env: { ...env, ...more },
                    started: (child) => started?.(child),
                });
                const { sentence, log } = ending;
                expectTruth(ending);
                expect(ending.status, `${sentence}\n${log}`).toBe(status === "any" ? ending.status : status);
                expect(sentence).toMatch(says);
                if (busy !== true) {
                    expect(census(source)).toBe(found);
                }
                if (ending.status === exitStatus.refused) {
                    expect(census(target)).toBe(stood);
                }
                if (ending.status !== null) {
                    expect(readdirSync(env.TMPDIR)).toEqual([]);
                }
                const isHalf = half === true || (ending.status === null && isUnfinished(editionIn(target)));
                if (isHalf) {
                    expect(isUnfinished(editionIn(target))).toBe(true);
                } else if (ending.status !== exitStatus.done && side.kept() !== before.kept) {
                    // Whoever was killed may have been done with it.
                    expect(ending.status).toBeNull();
                    expect(side.copy(plan)).toBe(digest(source));
                }
                await mend?.();
                settle(source);
                if (busy === true) {
                    // A copy of what stood there at some moment.
                    await side.forget(plan);
                }
                // What a run makes of a target that a refusal has left as it was is seen once.
                refusals += ending.status === exitStatus.refused ? 1 : 0;
                if (ending.status !== exitStatus.refused || refusals === 1) {
                    await converged(plan);
                }
                expect(census(outside)).toBe(before.outside);
                outcomes.push({ fault, step, sentence, half: isHalf });
            } finally {
                // The next test begins as this one did, also if this one has failed. A pod's own folder goes with it.
                for (const left of readdirSync(env.TMPDIR)) {
                    rmSync(join(env.TMPDIR, left), { recursive: true });
                }
                await mend?.();
                await side.forget(plan);
            }
            expect(side.kept()).toBe(before.kept);
        },
        stop() {
            tell(outcomes);
            side.close?.();
            // Node does not remove what is deeper than the system takes paths.
            execFileSync("rm", ["-rf", "--one-file-system", folder]);
        },
    };
}

/** Names, kinds, contents and times of a tree, and whose everything is; of what counts, by its first name. */
function census(path: string, counts: (name: string) => boolean = () => true): string {
    if (!existsSync(path)) {
        return "";
    }
    const whose = "%P %y %m %U %G";
    // A folder's size is the file system's own affair.
    const print = ["-type", "d", "-printf", `${whose}\\0`, "-o", "-printf", `${whose} %s\\0`];
    const listing = execFileSync("find", [path, ...print], { encoding: "latin1" });
    const lines = listing.split("\0").filter((line) => counts(/^[^/ ]*/.exec(line)?.[0] ?? ""));
    const contents = digest(path)
        .split("\n")
        .filter((line) => counts(firstName(line)));
    return [...lines.sort(), ...contents].join("\n");
}

/** What a store says of itself. */
function editionIn(store: string): string | undefined {
    const manifest = join(store, storeFiles);
    return existsSync(manifest) ? readFileSync(manifest, "utf8").split("\n")[0] : undefined;
}

/** What stands in a folder. */
function namesIn(folder: string): string[] {
    return readdirSync(folder)
        .filter((name) => name !== "lost+found")
        .sort();
}

/** Whether something in a store is what replicas read: its media, and their manifest. */
function isStored(name: string): boolean {
    return name === storeFiles || !["lost+found", ...storeApart].includes(name);
}

/** Whether a line of a digest is about a file of production's. */
function isMedia(line: string): boolean {
    const name = firstName(line);
    return name !== storeFiles && isStored(name);
}

/** The name in its root under which a digest's line stands. */
function firstName(line: string): string {
    const path = Buffer.from(/^[0-9a-f]*/.exec(line)?.[0] ?? "", "hex").toString("latin1");
    return path.split("/")[1] ?? "";
}

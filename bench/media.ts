/**
 * `npm run bench -- media`: how long a copy of production's media takes in the ways that people use today, and in ours:
 * the first one, and the next ones, near and far. All of them are measured in turn, several times over, each with an
 * empty page cache and until everything is on the disk, and every copy is compared with its source. Wants root, which alone
 * may empty the page cache and mount file systems, a quiet machine, and more than an hour.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { installPackages } from "../dev/packages";
import { makeVolume } from "../test/postgres/volume";
import { rounds } from "./measure";
import { Ends } from "./media/ends";
import { farMounts, type MountFar } from "./media/far";
import { own, ownWay } from "./media/own";
import { measured, type Place, type Times } from "./media/rounds";
import { makeTrees, type Shape } from "./media/trees";
import { changed, changedInPlace, cp, cpOf, first, nothing, nothingInPlace, otherWays, rsync } from "./media/ways";

/** Share of the files that are there; less than 1 only to try the bench itself. */
const share = 1;

/** The trees: what production has, and what is copied far away; and those of small files. */
const near: Shape = { files: 30_000 * share, mean: 66_000 };
const far: Shape = { files: 3_000 * share, mean: 30_000 };
const small = (files: number): Shape => ({ files: files * share, mean: 1_000 });

/** What the measurements have in common. */
export interface Bench {
    /** For all that is made. */
    folder: string;
    ends: Ends;
    /** MiB that the agent has had in memory at most. */
    memory: { peak: number };
}

export async function media(): Promise<void> {
    const ends = new Ends();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.once(signal, () => ends.all().then(() => process.exit(128 + constants.signals[signal])));
    }
    const folder = mkdtempSync(join(tmpdir(), "understudy-bench-"));
    ends.add(() => rmSync(folder, { recursive: true }));
    const bench: Bench = { folder, ends, memory: { peak: 0 } };
    try {
        await installPackages(["rsync"]);
        const times = { near: await nearby(bench, near), far: await farAway(bench, far) };
        tellOf(times.near, times.far);
        await tellOfReflink(bench, near);
        console.log(`memory peak ${bench.memory.peak.toFixed(0)} MiB (256)`);
        await tellOfGrowth(bench);
    } finally {
        await ends.all();
    }
}

/** On the machine's own disk. */
export async function nearby(bench: Bench, shape: Shape): Promise<Times> {
    const place = await placeOn(bench, "near", shape);
    const others = await otherWays(bench.ends, 2, shape.files, bench.folder);
    return told(place, await measured([...(await simple(bench)), cp(bench.ends), ...others], place, rounds));
}

/** Production's folder and the replica's volume are both far away. */
export async function farAway(bench: Bench, shape: Shape): Promise<Times> {
    const place = await mountedFar(bench, "far", shape, await farMounts(bench.ends));
    const others = await otherWays(bench.ends, 8, shape.files, bench.folder);
    return told(place, await measured([...(await simple(bench)), cp(bench.ends), ...others], place, rounds));
}

/** Ours, and the one that it is held against. */
async function simple({ ends, folder, memory }: Bench) {
    return [await ownWay(ends, mkdtempSync(join(folder, "own-")), memory), rsync(ends)];
}

async function placeOn({ folder }: Bench, name: string, shape: Shape): Promise<Place> {
    const trees = await makeTrees(shape);
    const copies = mkdtempSync(join(folder, "copies-"));
    return { name, trees: { seen: trees, real: trees }, copies: { seen: copies, real: copies } };
}

async function mountedFar(bench: Bench, name: string, shape: Shape, mount: MountFar): Promise<Place> {
    const { trees, copies } = await placeOn(bench, name, shape);
    const points = mkdtempSync(join(bench.folder, "far-"));
    const place: Place = {
        name,
        trees: { ...trees, seen: join(points, "trees") },
        copies: { ...copies, seen: join(points, "copies") },
    };
    await mount(trees.real, place.trees.seen, "read-only");
    await mount(copies.real, place.copies.seen, "read-write");
    return place;
}

function told({ name }: Place, times: Times): Times {
    for (const line of times.described()) {
        console.log(`${name}: ${line}`);
    }
    return times;
}

/** What ours is held against. */
const today = "rsync -a";

/** By how much rsync takes longer. */
function ratio(times: Times, turn: typeof first | typeof nothing | typeof changed): string {
    return (times.of(today, turn) / times.of(own, turn)).toFixed(2);
}

export function tellOf(near: Times, far: Times): void {
    const inPlace = (times: Times, turn: typeof nothing | typeof changed) =>
        times.of(today, turn === nothing ? nothingInPlace : changedInPlace) / times.of(own, turn);
    const best = far.best(first, [own, today]);

    console.log(
        "rsync is held against with --link-dest where something is there: it makes a copy beside the last, as ours.",
    );
    console.log(`M1 first copy, near disk vs rsync: ${ratio(near, first)} x (1.2)`);
    console.log(`M2 first copy, far vs rsync: ${ratio(far, first)} x (20)`);
    console.log(`and vs the best of the others: ${(best.seconds / far.of(own, first)).toFixed(2)} x (3); ${best.way}`);
    console.log(
        `M3 nothing changed, near: ${near.of(own, nothing).toFixed(2)} s (${near.of(today, nothing).toFixed(2)}: rsync's; ` +
            `in place ${near.of(today, nothingInPlace).toFixed(2)} s)`,
    );
    console.log(
        `M4 nothing changed, far vs rsync: ${ratio(far, nothing)} x (10); ` +
            `vs rsync in place ${inPlace(far, nothing).toFixed(2)} x`,
    );
    console.log(
        `M5 1 % changed vs rsync: ${ratio(near, changed)} x (1.0); vs rsync in place ${inPlace(near, changed).toFixed(2)} x; ` +
            `far ${ratio(far, changed)} x and ${inPlace(far, changed).toFixed(2)} x`,
    );
}

/** The next copy where files can share blocks. */
export async function tellOfReflink({ folder, ends, memory }: Bench, shape: Shape): Promise<void> {
    const trees = await makeTrees(shape);
    const volume = await makeVolume(2 ** 34).catch((error: Error) => error.message);
    if (typeof volume === "string") {
        console.log(`M6 new generation on reflink: not measured. ${volume}`);
        return;
    }
    const removed = ends.add(() => volume.remove());
    const clone = await ownWay(ends, folder, memory, "clone");
    const [links, clones] = [
        cpOf(ends, "cp -al", ["-al"]),
        cpOf(ends, "cp -a --reflink=always", ["-a", "--reflink=always"]),
    ];
    const place = {
        name: "XFS",
        trees: { seen: trees, real: trees },
        copies: { seen: volume.folder, real: volume.folder },
    };
    const ways = [{ ...clone, turns: clone.turns.filter(({ turn }) => turn !== changed) }, links, clones];
    const times = told(place, await measured(ways, place, rounds));
    const [tree, cloned] = [links, clones].map(({ name }) => times.of(name, nothing).toFixed(2));
    console.log(
        `M6 new generation on reflink: ${times.of(own, nothing).toFixed(2)} s ` +
            `(${(1.5 * times.of(links.name, nothing)).toFixed(2)}; ${links.name} ${tree} s, ${clones.name} ${cloned} s)`,
    );
    removed();
    await volume.remove();
}

/** How the first copy's ratios grow with the number of small files. */
export async function tellOfGrowth(bench: Bench): Promise<void> {
    const ratioOf = async (place: Place, times: number) => {
        const ways = (await simple(bench)).map(({ name, turns }) => ({ name, turns: turns.slice(0, 1) }));
        return ratio(told(place, await measured(ways, place, times)), first);
    };
    const grown: string[] = [];
    for (const files of [3_000, 30_000, 300_000]) {
        const place = await placeOn(bench, `near, ${files * share} small files`, small(files));
        grown.push(`${files * share} files ${await ratioOf(place, rounds)} x`);
    }
    console.log(`M1 grows: ${grown.join(", ")}`);
    const mount = await farMounts(bench.ends);
    const wide: string[] = [];
    for (const files of [300, 3_000]) {
        const place = await mountedFar(bench, `far, ${files * share} small files`, small(files), mount);
        wide.push(`${files * share} files ${await ratioOf(place, 1)} x`);
    }
    console.log(`M2 grows: ${wide.join(", ")}; in one round, and no further since rsync would take hours`);
}

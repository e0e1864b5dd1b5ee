import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { leaseFile, withVolume } from "../../agent/media/lease";
import { retireMedia } from "../../agent/media/retire";
import { Refusal } from "../../agent/refusal";
import { generationMarker } from "../../contract";
import { never, planFor } from "./places";
import { at, eachInPlaces, first, places, prepare, second, volume } from "./stage";

eachInPlaces();

/** Milliseconds between two signs of life. */
const every = 40;

const path = () => join(volume, leaseFile);
const hold = (run: string, work: () => Promise<unknown>, signal = never) =>
    withVolume(volume, run, signal, work, every);

/** What a run on another machine has left at the volume. */
function left(host = "a-pod-elsewhere", process = 1): string {
    const text = JSON.stringify({ run: "prepare-media 00000000ff", host, process, since: "2026-11-20T02:04:01.000Z" });
    writeFileSync(path(), text);
    return text;
}

/** Touches a lease as a run on another machine does, until the work has ended. */
async function alive<T>(work: Promise<T>): Promise<T> {
    let beats = 0;
    const beat = setInterval(() => {
        beats += 1;
        utimesSync(path(), beats, beats);
    }, every);
    return work.finally(() => clearInterval(beat));
}

describe("a volume that a run is at", () => {
    test("is refused to others by the run's name, and is free again when it has ended", async () => {
        const work = hold("prepare-media 00000000ff", async () => {
            const rival = hold("retire 00000000aa", async () => "done");
            await expect(rival).rejects.toThrow(Refusal);
            await expect(hold("retire 00000000aa", async () => "done")).rejects.toThrow(
                /Another run is at the media volume .*: understudy prepare-media 00000000ff on .*, since \d\d:\d\d:\d\d UTC\. Wait for its end/,
            );
        });
        await work;
        expect(existsSync(path())).toBe(false);
        expect(await hold("retire 00000000aa", async () => "done")).toBe("done");
    });

    test("is refused to both commands that change it, and nothing on it has changed", async () => {
        await prepare(first);
        const plan = planFor(places, first);
        left();
        const [copy, removal] = [prepare(second), retireMedia(plan, never)];
        const endings = await alive(Promise.allSettled([copy, removal]));
        for (const ending of endings) {
            expect(ending).toMatchObject({ status: "rejected", reason: expect.any(Refusal) });
            expect(String((ending as PromiseRejectedResult).reason)).toContain(
                "prepare-media 00000000ff on a-pod-elsewhere",
            );
        }
        expect(existsSync(at(first, "picture.jpg"))).toBe(true);
        expect(existsSync(at(second))).toBe(false);
    });

    test("is not needed by a run that has nothing to do", async () => {
        await prepare(first);
        left();
        expect(await prepare(first)).toContain("already there");
    });

    test("is waited for until it ends, and what that run has made is not made again", async () => {
        await prepare(first);
        const marker = join(volume, generationMarker(first));
        renameSync(marker, `${marker}.away`);
        let waiting: Promise<string> | undefined;
        await hold("prepare-media 00000000ff", async () => {
            waiting = prepare(first);
            await sleep(1000);
            renameSync(`${marker}.away`, marker);
        });
        expect(await waiting).toContain("already there");
    });

    test("is let go after a failure as well", async () => {
        const failing = hold("prepare-media 00000000ff", async () => {
            throw new Error("no more");
        });
        await expect(failing).rejects.toThrow("no more");
        expect(existsSync(path())).toBe(false);
    });
});

describe("a volume that a run has left", () => {
    test("is taken over when it has given no sign of life for twelve looks", async () => {
        left();
        const start = performance.now();
        expect(await hold("retire 00000000aa", async () => readFileSync(path(), "utf8"))).toContain(
            "retire 00000000aa",
        );
        expect(performance.now() - start).toBeGreaterThan(11 * every);
        expect(existsSync(path())).toBe(false);
    });

    test("is taken over at once when its process was one of this machine and is gone", async () => {
        const child = spawn("true");
        await new Promise((resolve) => child.once("exit", resolve));
        left(hostname(), child.pid);
        // At the usual pace, twelve looks take a minute.
        await withVolume(volume, "retire 00000000aa", never, async () => undefined);
        expect(existsSync(path())).toBe(false);
    }, 45_000);

    test("by a run that was killed with SIGKILL is taken over by the next one", async () => {
        const program = join(places.folder, "run.cjs");
        buildSync({
            stdin: {
                contents: `import { withVolume } from "./agent/media/lease";
                    withVolume(process.argv[2]!, "prepare-media 00000000ff", new AbortController().signal, () => new Promise(() => {}));`,
                resolveDir: join(__dirname, "../.."),
                loader: "ts",
            },
            ...{ bundle: true, platform: "node", outfile: program },
        });
        const child = spawn(process.execPath, [program, volume], { stdio: "ignore" });
        while (!existsSync(path()) || readFileSync(path(), "utf8") === "") {
            await sleep(20);
        }
        await expect(prepare(first)).rejects.toThrow("prepare-media 00000000ff");
        child.kill("SIGKILL");
        await new Promise((resolve) => child.once("exit", resolve));
        expect(await prepare(first)).toContain("3 files");
        expect(existsSync(path())).toBe(false);
    });

    test("is taken over by one of several, and the others name that one", async () => {
        left();
        let within = 0;
        const rivals = [1, 2, 3].map((n) =>
            hold(`prepare-media ${n}`, async () => {
                within += 1;
                expect(within).toBe(1);
                await sleep(10 * every);
                within -= 1;
            }),
        );
        const endings = await Promise.allSettled(rivals);
        expect(endings.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
        for (const ending of endings) {
            if (ending.status === "rejected") {
                expect(String(ending.reason)).toMatch(/Another run is at the media volume .*prepare-media \d/);
            }
        }
    });
});

test("a run that was taken for dead ends when it wakes up, and leaves the other's lease", async () => {
    const sleeper = withVolume(
        volume,
        "prepare-media 00000000ff",
        never,
        async ({ signal }) => {
            rmSync(path());
            left();
            await new Promise((resolve) => signal.addEventListener("abort", resolve));
            throw new Error("whatever came of it");
        },
        every,
    );
    await expect(sleeper).rejects.toThrow("Another run has taken over the media volume");
    expect(readFileSync(path(), "utf8")).toContain("a-pod-elsewhere");
});

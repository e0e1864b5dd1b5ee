import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prepareMedia } from "../../agent/media/generation";
import { removeMediaGeneration } from "../../agent/media/volume";
import { generationFolder, generationMarker } from "../../contract";
import { digest, makePlaces, never, type Places, planFor, settle } from "./places";

/** Where the kills fall; another seed makes other ones. */
const seed = Number(process.env.UNDERSTUDY_SEED ?? 20_261_121);
const rounds = 8;
const [first, second, third] = ["00000000aa", "00000000bb", "00000000cc"] as const;
let places: Places;
let program: string;

beforeEach(() => {
    places = makePlaces();
    rmSync(join(places.source, "lost+found"), { recursive: true });
    for (let n = 0; n < 1500; n++) {
        writeFileSync(join(places.source, n % 2 === 0 ? `f${n}` : `a/f${n}`), `${n}`.repeat(n));
    }
    settle(places.source);
    program = join(places.folder, "run.cjs");
    buildSync({
        stdin: {
            contents: `import { prepareMedia } from "./agent/media/generation";
                prepareMedia(JSON.parse(process.argv[2]!), new AbortController().signal).catch((error) => { console.error(error); process.exit(1); });`,
            resolveDir: join(__dirname, "../.."),
            loader: "ts",
        },
        ...{ bundle: true, platform: "node", outfile: program, external: ["pg-native"] },
    });
});
afterEach(() => rmSync(places.folder, { recursive: true, force: true }));

/** Numbers from 0 to 1 that follow from the seed. */
function* random(): Generator<number, never> {
    for (let state = seed; ; ) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        yield state / 2 ** 32;
    }
}

/** Runs the agent and kills it after so many milliseconds, if it is not done by then. */
async function runKilled(generation: string, milliseconds: number): Promise<"killed" | "done"> {
    const run = spawn(process.execPath, [program, JSON.stringify(planFor(places, generation))], { stdio: "ignore" });
    const ended = new Promise((resolve) => run.once("exit", resolve));
    await Promise.race([ended, sleep(milliseconds)]);
    const outcome = run.exitCode === null ? "killed" : "done";
    run.kill("SIGKILL");
    await ended;
    return outcome;
}

describe(`killed at ${rounds} moments of seed ${seed}`, () => {
    test("a run leaves the copy in use as it was, and the next one makes its own whole, with nothing left over", async () => {
        await prepareMedia(planFor(places, first), never);
        // Half of the next copy is new, so that there is something to write.
        for (let n = 0; n < 1500; n += 2) {
            writeFileSync(join(places.source, `f${n}`), Buffer.alloc(50_000, n));
        }
        settle(places.source);
        const [use, source] = [digest(join(places.volume, generationFolder(first))), digest(places.source)];
        const start = performance.now();
        await runKilled(third, 60_000);
        const whole = performance.now() - start;
        await removeMediaGeneration(places.volume, third);
        const moments = random();
        let halves = 0;
        for (let round = 0; round < rounds; round++) {
            const outcome = await runKilled(second, (0.2 + 0.8 * moments.next().value) * whole);
            const isHalf = existsSync(join(places.volume, generationFolder(second)));
            halves += outcome === "killed" && isHalf ? 1 : 0;
            expect(digest(join(places.volume, generationFolder(first)))).toBe(use);
            if (outcome === "done") {
                expect(existsSync(join(places.volume, generationMarker(second)))).toBe(true);
                rmSync(join(places.volume, generationMarker(second)));
            }
        }
        expect(halves).toBeGreaterThan(0);
        await prepareMedia(planFor(places, second), never);
        expect(digest(join(places.volume, generationFolder(second)))).toBe(source);
        expect(digest(join(places.volume, generationFolder(first)))).toBe(use);
        expect(digest(places.source)).toBe(source);
        const left = [first, second].flatMap((id) => [id, `${id}.files.jsonl`, `${id}.json`]);
        expect(readdirSync(join(places.volume, "generations")).sort()).toEqual(left.sort());
    });
});

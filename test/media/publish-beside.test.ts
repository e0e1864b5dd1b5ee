import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isUnfinished } from "../../agent/media/edition";
import { prepareMedia } from "../../agent/media/generation";
import { Refusal } from "../../agent/refusal";
import { generationFolder } from "../../contract";
import { storeFiles, storeOwn } from "../../contract/files";
import { digest, makePlaces, manifestOf, never, type Places, planFor, settle } from "./places";
import { publicationFor, publish, storeOf, verify, withCluster } from "./published";

withCluster();

const count = 1500;
const [first, second] = ["00000000aa", "00000000bb"] as const;
let places: Places;
let store: string;
let program: string;

beforeEach(async () => {
    places = makePlaces();
    store = storeOf(places);
    rmSync(join(places.source, "lost+found"), { recursive: true });
    fill("one");
    await publish(places);
    program = join(places.folder, "run.cjs");
    buildSync({
        stdin: {
            contents: `import { publishMedia } from "./agent/publish/media/publish";
                import { prepareMedia } from "./agent/media/generation";
                const work = { publishMedia, prepareMedia }[process.argv[2]!]!;
                work(JSON.parse(process.argv[3]!), new AbortController().signal).then(console.log);`,
            resolveDir: join(__dirname, "../.."),
            loader: "ts",
        },
        ...{ bundle: true, platform: "node", outfile: program, external: ["pg-native"] },
    });
});
afterEach(() => rmSync(places.folder, { recursive: true, force: true }));

/** Gives every file another content of the same length, as one day's. */
function fill(day: "one" | "two") {
    for (let n = 0; n < count; n++) {
        const path = join(places.source, n % 2 === 0 ? `f${n}` : `a/f${n}`);
        const time = day === "one" ? 1_600_000_000 : 1_600_086_400;
        writeFileSync(path, `${day} ${n} `.repeat(20));
        utimesSync(path, time, time);
    }
    settle(places.source);
}

const edition = () => readFileSync(join(store, storeFiles), "utf8").split("\n")[0];

/** The copy that a replica makes of the store, which gives up at once where it would have to wait. */
function replicate(id: string): Promise<string> {
    return prepareMedia(planOf(id), never, 0);
}

function planOf(id: string) {
    return planFor({ ...places, source: store }, id, (media) => {
        media.sharing = "copy";
    });
}

/** Runs the publisher and kills it as soon as something holds, or after it has ended. */
async function publishKilled(when: () => boolean): Promise<void> {
    const run = spawn(process.execPath, [program, "publishMedia", JSON.stringify(publicationFor(places))], {
        stdio: "ignore",
    });
    const ended = new Promise((resolve) => run.once("exit", resolve));
    while (run.exitCode === null && !when()) {
        await sleep(1);
    }
    run.kill("SIGKILL");
    await ended;
}

test("killed before it changes the store, a run leaves it as it was, and the next one makes it whole", async () => {
    const [before, stood] = [edition(), manifestOf(join(store, storeFiles))];
    fill("two");
    await publishKilled(() => existsSync(join(store, storeOwn.incoming, "tree/f0")));
    expect(edition()).toBe(before);
    await replicate(first);
    expect(readFileSync(join(places.volume, generationFolder(first), "f8"), "utf8")).toContain("one");
    expect(Object.keys(stood)).toHaveLength(readdirSync(store, { recursive: true }).length - inIncoming() - 3);
    await publish(places);
    await replicate(second);
    expect(digest(join(places.volume, generationFolder(second)))).toBe(digest(places.source));
});

/** Names in the folder of what is to come. */
function inIncoming(): number {
    return readdirSync(join(store, storeOwn.incoming), { recursive: true }).length;
}

test("killed while it changes the store, a run leaves one that nobody takes for whole, and the next one makes it so", async () => {
    fill("two");
    const source = digest(places.source);
    await publishKilled(() => isUnfinished(edition()));
    expect(isUnfinished(edition())).toBe(true);
    const refusal = await replicate(first).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect((refusal as Refusal).message).toContain("is half of one day's and half of another's");
    expect(await publish(places)).toContain("holds what production has, 1,503 files");
    expect(
        readdirSync(store)
            .filter((name) => name.startsWith("."))
            .sort(),
    ).toEqual([storeOwn.editions, storeFiles]);
    expect(await verify(places)).toContain("All 1,503 files");
    await replicate(first);
    expect(digest(join(places.volume, generationFolder(first)))).toBe(source);
});

test("a replica's copy that a run overtakes is made again, and holds one day's files alone", async () => {
    const run = spawn(process.execPath, [program, "prepareMedia", JSON.stringify(planOf(first))]);
    const said = text(run.stdout);
    while (!existsSync(join(places.volume, generationFolder(first), "f0"))) {
        await sleep(1);
    }
    run.kill("SIGSTOP");
    expect(readdirSync(join(places.volume, generationFolder(first))).length).toBeLessThan(count / 2);
    fill("two");
    await publish(places);
    run.kill("SIGCONT");
    expect(await said).toMatch(/while it was copied\. It is copied again\.[\s\S]*1,503 files/);
    expect(digest(join(places.volume, generationFolder(first)))).toBe(digest(places.source));
});

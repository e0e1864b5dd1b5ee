import { type ChildProcess, spawn } from "node:child_process";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hashOf, hashOfPath } from "../../dev/cache";

const project = join(__dirname, "..", "..");
let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "understudy-cache-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process of its own with a cache in the test's folder; each build adds a line to the file "builds" there. */
function builder(key: string, work: string): ChildProcess {
    const program = `
        const { once } = require(${JSON.stringify(join(project, "dev/cache.ts"))});
        const { appendFileSync, writeFileSync } = require("node:fs");
        const note = (word) => appendFileSync(${JSON.stringify(join(folder, "builds"))}, word + "\\n");
        once("thing", ${JSON.stringify(key)}, async (partial) => {
            note("begun");
            writeFileSync(partial + "/content", ${JSON.stringify(key)});
            ${work}
        }).then((path) => process.stdout.write(path));`;
    return spawn(process.execPath, ["--require", "tsx/cjs", "--eval", program], {
        cwd: project,
        env: { ...process.env, UNDERSTUDY_CACHE: folder },
        stdio: ["ignore", "pipe", "ignore"],
    });
}

function result(child: ChildProcess): Promise<string> {
    let output = "";
    child.stdout?.on("data", (data) => {
        output += data;
    });
    return new Promise((resolve) => child.once("close", () => resolve(output)));
}

/** Waits until the builders have written so many lines. */
async function builds(count: number): Promise<string[]> {
    for (;;) {
        const file = join(folder, "builds");
        const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
        if (lines.length >= count) {
            return lines;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

const pause = "await new Promise((resolve) => setTimeout(resolve, 300));";
const forever = "await new Promise(() => setInterval(() => {}, 1000));";
const [first, second] = [hashOf("first"), hashOf("second")];

test("processes that want the same thing at the same time have it built once", async () => {
    const paths = await Promise.all([1, 2, 3].map(() => result(builder(first, pause))));
    expect(new Set(paths).size).toBe(1);
    expect(readFileSync(join(paths[0] ?? "", "content"), "utf8")).toBe(first);
    expect(await builds(1)).toEqual(["begun"]);
});

test("another key is another thing, and both stay", async () => {
    const paths = [
        await result(builder(first, "")),
        await result(builder(second, "")),
        await result(builder(first, "")),
    ];
    expect(paths[0]).toBe(paths[2]);
    expect(paths.map((path) => readFileSync(join(path, "content"), "utf8"))).toEqual([first, second, first]);
    expect(await builds(2)).toEqual(["begun", "begun"]);
});

test("a build that was killed does not count, and does not keep the next one waiting", async () => {
    const killed = builder(first, forever);
    await builds(1);
    const waiting = [result(builder(first, "")), result(builder(first, ""))];
    killed.kill("SIGKILL");
    const [path = "", other] = await Promise.all(waiting);
    expect(path).toBe(other);
    expect(readFileSync(join(path, "content"), "utf8")).toBe(first);
    expect(await builds(2)).toEqual(["begun", "begun"]);
    expect(readdirSync(join(folder, "locks"))).toEqual([]);
});

test("a build that ends half-way counts for nothing", async () => {
    expect(await result(builder(first, 'writeFileSync(partial + "/rubbish", ""); process.exit();'))).toBe("");
    expect(readdirSync(join(folder, "built"))).toEqual([`thing-${first}.partial`]);
    expect(await result(builder(first, ""))).toBe(join(folder, "built", `thing-${first}`));
    expect(readdirSync(join(folder, "built"))).toEqual([`thing-${first}`]);
    expect(readdirSync(join(folder, "built", `thing-${first}`))).toEqual(["content"]);
});

test("a build that fails leaves nothing, and its error is the caller's", async () => {
    const failing = builder(first, 'throw new Error("reason");');
    expect(await result(failing)).toBe("");
    expect(failing.exitCode).not.toBe(0);
    expect(readdirSync(join(folder, "built"))).toEqual([]);
});

test("what was made with former keys goes after a day without use", async () => {
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    const unused = await result(builder(first, ""));
    const neighbour = join(folder, "built", `thing-else-${first}`);
    mkdirSync(neighbour);
    for (const path of [unused, neighbour]) {
        utimesSync(path, old, old);
    }
    await result(builder(second, ""));
    expect(existsSync(unused)).toBe(false);
    expect(existsSync(neighbour)).toBe(true);
});

test("a path's hash follows contents, names and modes, and nothing else", () => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    for (const path of [a, b]) {
        mkdirSync(join(path, "inner"), { recursive: true });
        writeFileSync(join(path, "inner", "file"), "text");
    }
    expect(hashOfPath(a)).toBe(hashOfPath(b));
    writeFileSync(join(b, "inner", "file"), "other");
    expect(hashOfPath(a)).not.toBe(hashOfPath(b));
    writeFileSync(join(b, "inner", "file"), "text");
    writeFileSync(join(b, "inner", "second"), "");
    expect(hashOfPath(a)).not.toBe(hashOfPath(b));
});

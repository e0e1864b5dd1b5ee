import { spawn } from "node:child_process";
import { once } from "node:events";
import {
    existsSync,
    ftruncateSync,
    mkdtempSync,
    openSync,
    readFileSync,
    rmSync,
    statSync,
    symlinkSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Calls } from "../../agent/media/calls";
import { copySmall, smallSize } from "../../agent/media/small";

let folder: string;
let source: string;
let target: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "understudy-small-"));
    [source, target] = [join(folder, "source"), join(folder, "target")];
});
afterEach(() => rmSync(folder, { recursive: true }));

const calls = new Calls();
const copy = () =>
    copySmall({ path: Buffer.from(source), calls }, { path: Buffer.from(target), calls: new Calls() }, 0o640);

describe("a small file", () => {
    test.each([0, 1, 4096, smallSize])("of %i bytes has its content, time and permissions", (size) => {
        writeFileSync(source, Buffer.alloc(size, 7));
        utimesSync(source, 1_600_000_000.123456, 1_600_000_000.123456);
        expect(copy()).toMatchObject({ size, cloned: false });
        expect(readFileSync(target)).toEqual(Buffer.alloc(size, 7));
        expect(statSync(target).mtimeMs).toBeCloseTo(1_600_000_000_123.456, 2);
        expect(statSync(target).mode & 0o777).toBe(0o640);
    });

    test.each([
        ["is larger than was listed", () => writeFileSync(source, Buffer.alloc(smallSize + 1))],
        ["has holes", () => ftruncateSync(openSync(source, "w"), smallSize)],
        ["has become a link", () => symlinkSync("/etc/hostname", source)],
        ["is gone", () => undefined],
    ])("that %s is left to the other way", (_, make) => {
        make();
        expect(copy()).toBeUndefined();
        expect(existsSync(target)).toBe(false);
    });

    test("does not take the place of another", () => {
        writeFileSync(source, "new");
        writeFileSync(target, "old");
        expect(copy()).toBeUndefined();
        expect(readFileSync(target, "utf8")).toBe("old");
    });

    test("that changes meanwhile leaves nothing", { timeout: 60_000 }, async () => {
        const script = `const fs = require("fs"); const [path] = process.argv.slice(1); const file = fs.openSync(path, "w");
            fs.writeSync(file, "x".repeat(60000), 0); process.stdout.write("begun");
            for (let n = 0; ; n++) { fs.futimesSync(file, n, n); }`;
        const writer = spawn(process.execPath, ["-e", script, source], { stdio: ["ignore", "pipe", "inherit"] });
        try {
            await once(writer.stdout, "data");
            while (copy() !== undefined) {
                rmSync(target);
            }
            expect(existsSync(target)).toBe(false);
        } finally {
            writer.kill("SIGKILL");
            await once(writer, "exit");
        }
    });
});

/** Takes the processor for so many milliseconds. */
function wait(time: number): void {
    for (const end = performance.now() + time; performance.now() < end; );
}

describe("calls to a file system", () => {
    const open = async (calls: Calls) => {
        // Whoever else waits gets his turn first.
        await calls.close(await calls.open(Buffer.from("/dev/null"), 0));
        return calls.quick;
    };

    test("are made at once, also after some that had to wait for the processor", async () => {
        const calls = new Calls();
        expect(await open(calls)).toBe(true);
        for (let n = 0; n < 8; n++) {
            calls.together(1, () => wait(4));
        }
        expect(await open(calls)).toBe(true);
    });

    test("are not as soon as many in a row take long, until it is quick again", async () => {
        const calls = new Calls();
        for (let n = 0; n < 50; n++) {
            calls.together(1, () => wait(2));
        }
        expect(await open(calls)).toBe(false);
        for (let n = 0; n < 2000; n++) {
            await calls.lstat(Buffer.from("/dev/null"));
            // As whoever has work of his own between the calls.
            wait(0.05);
        }
        expect(await open(calls)).toBe(true);
    });
});

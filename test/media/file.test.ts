import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Buffers } from "../../agent/media/buffers";
import { type Copier, copyFile } from "../../agent/media/file";
import { Folders } from "../../agent/media/folders";
import { never } from "./places";
import { eachInPlaces, source, volume } from "./stage";

eachInPlaces();

describe.each([
    ["by one call", true],
    ["piece by piece", false],
])("a file that is copied %s", (_, near) => {
    let copier: Copier;
    let copied: string;

    beforeEach(() => {
        const [from, to] = [new Folders(source), new Folders(volume)];
        Object.defineProperty(from.calls, "near", { value: near });
        copier = { from, to, buffers: new Buffers(), cloning: false, moved: () => undefined, signal: never };
        copied = join(volume, "file");
    });
    afterEach(() => Promise.all([copier.from.close(), copier.to.close()]));

    const copy = () => copyFile("file", 0o640, copier, 2);
    const file = () => join(source, "file");

    test.each([0, 1, 4096, 65_537, 3_000_000])(
        "of %i bytes has its content, its time and other permissions",
        async (size) => {
            writeFileSync(file(), Buffer.alloc(size, 7));
            chmodSync(file(), 0o4755);
            utimesSync(file(), 1_600_000_000.123456, 1_600_000_000.123456);
            expect(await copy()).toMatchObject({ size, cloned: false });
            expect(readFileSync(copied).equals(Buffer.alloc(size, 7))).toBe(true);
            expect(statSync(copied).mtimeMs).toBeCloseTo(1_600_000_000_123.456, 2);
            expect(statSync(copied).mode & 0o7777).toBe(0o640);
        },
    );

    test("and is gone is no error", async () => {
        expect(await copy()).toBeUndefined();
        expect(existsSync(copied)).toBe(false);
    });

    test("does not take the place of another", async () => {
        writeFileSync(file(), "new");
        writeFileSync(copied, "old");
        await expect(copy()).rejects.toThrow(`"file" is there already: the volume takes it for another name`);
        expect(readFileSync(copied, "utf8")).toBe("old");
    });

    test("and does not stop changing leaves nothing", async () => {
        const script = `const fs = require("fs"); const [path] = process.argv.slice(1); const file = fs.openSync(path, "w");
            fs.writeSync(file, "x".repeat(60000), 0); process.stdout.write("begun");
            for (let n = 0; ; n++) { fs.futimesSync(file, n, n); }`;
        const writer = spawn(process.execPath, ["-e", script, file()], { stdio: ["ignore", "pipe", "inherit"] });
        try {
            await once(writer.stdout, "data");
            const untilRefused = async () => {
                while ((await copy()) !== undefined) {
                    rmSync(copied);
                }
            };
            await expect(untilRefused()).rejects.toThrow(`"file" of the media source changed each of the 5 times`);
            expect(existsSync(copied)).toBe(false);
        } finally {
            writer.kill("SIGKILL");
            await once(writer, "exit");
        }
    });
});

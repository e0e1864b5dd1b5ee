import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ensureEngine } from "../../dev/engine";
import { installStandin } from "../../dev/standins/index";
import { play, type Seen } from "./command";

// Recorded from the real provider 1.2.1: UNDERSTUDY_RECORD names a Pulumi home that has it.
const fixture = join(__dirname, "fixtures/command.json");
const folder = mkdtempSync(join(tmpdir(), "understudy-command-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the stand-in for command does what the real one was seen to do", async () => {
    const recording = process.env.UNDERSTUDY_RECORD;
    if (recording !== undefined) {
        writeFileSync(fixture, `${JSON.stringify(await play(recording, join(folder, "work")), undefined, 4)}\n`);
        return;
    }
    const home = join(folder, "home");
    await installStandin({ ...(await ensureEngine()), home }, "command");
    const seen = await play(home, join(folder, "work"));
    const recorded = JSON.parse(readFileSync(fixture, "utf8")) as Seen[];
    for (const [at, step] of recorded.entries()) {
        expect(seen[at], step.step).toEqual(step);
    }
    expect(seen).toHaveLength(recorded.length);
});

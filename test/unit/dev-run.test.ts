import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;

/** A project with one program, and an npm that installs a tsx which runs plain JavaScript. */
beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "understudy-run-"));
    put("dev/run.mjs", undefined);
    copyFileSync(join(__dirname, "..", "..", "dev", "run.mjs"), join(folder, "dev/run.mjs"));
    put("dev/greet.ts", "");
    lock("1.0.0");
    put(
        "bin/npm",
        `#!${process.execPath}
const { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
appendFileSync("calls", process.argv.slice(2).join(" ") + "\\n");
rmSync("node_modules", { recursive: true, force: true });
mkdirSync("node_modules/tsx/dist", { recursive: true });
writeFileSync("node_modules/tsx/dist/cli.mjs", process.env.PROGRAM);
if (process.env.BREAKS) process.exit(1);
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const installed = Object.entries(packages).filter(([path, { optional }]) => path !== "" && !optional);
writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: Object.fromEntries(installed) }));
`,
    );
    chmodSync(join(folder, "bin/npm"), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, content: string | undefined): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    if (content !== undefined) {
        writeFileSync(join(folder, path), content);
    }
}

function lock(version: string): void {
    const packages = {
        "": { name: "project" },
        "node_modules/tsx": { version, resolved: `tsx-${version}.tgz` },
        "node_modules/for-another-system": { version: "1.0.0", optional: true },
    };
    put("package-lock.json", JSON.stringify({ packages }));
}

function environment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const program = "console.log(process.argv.slice(2).join(' '))";
    return { ...process.env, PATH: `${join(folder, "bin")}:${process.env.PATH}`, PROGRAM: program, ...extra };
}

function runs(args: string[], extra: NodeJS.ProcessEnv = {}) {
    return spawnSync(process.execPath, [join(folder, "dev/run.mjs"), ...args], {
        env: environment(extra),
        encoding: "utf8",
    });
}

function installations(): number {
    const calls = join(folder, "calls");
    return existsSync(calls)
        ? (spawnSync("wc", ["-l", calls], { encoding: "utf8" }).stdout.split(" ").map(Number)[0] ?? 0)
        : 0;
}

test("packages are installed once, again when the lock file changes, and the program gets its arguments", () => {
    expect(runs(["greet", "one", "two"]).stdout).toBe(`${join(folder, "dev/greet.ts")} one two\n`);
    expect(runs(["greet"]).status).toBe(0);
    expect(installations()).toBe(1);
    lock("1.0.1");
    expect(runs(["greet"]).status).toBe(0);
    expect(installations()).toBe(2);
});

test("an installation that broke off is done again", () => {
    const broken = runs(["greet"], { BREAKS: "yes" });
    expect(broken.status).toBe(1);
    expect(broken.stderr).toContain("npm ci did not succeed");
    expect(runs(["greet"]).status).toBe(0);
    expect(installations()).toBe(2);
});

test("the program's exit status is passed on", () => {
    expect(runs(["greet"], { PROGRAM: "process.exit(7)" }).status).toBe(7);
});

test("a signal reaches the program, which may end in its own way", async () => {
    const program = "process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1000); console.log('up');";
    const child = spawn(process.execPath, [join(folder, "dev/run.mjs"), "greet"], {
        env: environment({ PROGRAM: program }),
        stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGTERM");
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(9);
});

test.each([[[]], [["missing"]], [["../dev/greet"]]])("%j is answered by what there is to run", (args) => {
    const answer = runs(args);
    expect(answer.status).toBe(1);
    expect(answer.stderr).toContain("Say which program to run");
    expect(installations()).toBe(0);
});

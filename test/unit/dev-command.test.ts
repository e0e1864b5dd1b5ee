import { expect, test } from "vitest";
import { run } from "../../dev/command";
import { duration, step } from "../../dev/step";

test("a command's output is returned, and its input given", async () => {
    expect(await run("cat", [], { input: "through" })).toBe("through");
    expect(await run("sh", ["-c", "echo out; echo aside >&2"])).toBe("out\n");
    expect(await run("pwd", [], { cwd: "/" })).toBe("/\n");
    expect(await run("sh", ["-c", "echo $WORD"], { env: { ...process.env, WORD: "given" } })).toBe("given\n");
});

test("a failure tells the command, its status and its last lines", async () => {
    await expect(run("sh", ["-c", "seq 100; echo reason >&2; exit 3"])).rejects.toThrow(
        /^sh -c seq 100.* failed with status 3: 94\n(.*\n)*100\nreason$/,
    );
    await expect(run("sh", ["-c", "exit 4"])).rejects.toThrow("failed with status 4 and wrote nothing.");
    await expect(run("no-such-command", [])).rejects.toThrow("no-such-command could not be started");
    await expect(run("sh", ["-c", "kill -TERM $$"])).rejects.toThrow("was ended by SIGTERM");
});

test("a command that takes too long is ended, and its children hold nobody up", async () => {
    await expect(run("sh", ["-c", "sleep 60 & sleep 60"], { timeout: 100 })).rejects.toThrow("took longer than 0.1 s");
});

test("a command that ends without reading its input is no failure", async () => {
    expect(await run("true", [], { input: "x".repeat(1_000_000) })).toBe("");
});

test("a step returns what its work returns, and fails as it fails", async () => {
    expect(await step("work", async () => 42)).toBe(42);
    await expect(step("work", () => Promise.reject(new Error("reason")))).rejects.toThrow("reason");
});

test("lengths of time are told as people say them", () => {
    expect([400, 9900, 9990, 59_000, 60_000, 125_000].map(duration)).toEqual([
        "0.4 s",
        "9.9 s",
        "10 s",
        "59 s",
        "1 min",
        "2 min 5 s",
    ]);
});

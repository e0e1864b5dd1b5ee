import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { Rewriter } from "../../agent/neutral/identity/value";
import { patternsOf } from "../../contract/rewrite";
import { installPackages } from "../../dev/packages";

const rule = { from: "https://shop.example.org", to: "https://staging.example.net/shop" };
const rewriter = new Rewriter(patternsOf([rule]), true);

beforeAll(() => installPackages(["php-cli"]));

/** What PHP answers to each of these, with the program beside this file. */
async function php(asked: object[]): Promise<unknown[]> {
    const args = ["-n", "-d", "display_errors=stderr", join(__dirname, "serialised.php")];
    const running = promisify(execFile)("php", args, { maxBuffer: 2 ** 30, timeout: 600_000 });
    running.child.stdin?.end(asked.map((one) => `${JSON.stringify(one)}\n`).join(""));
    const { stdout } = await running;
    return stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
}

const steps = fc.array(fc.constantFrom("text", "list", "keys", "closed", "own", "array", "json", "bare", "hex"), {
    maxLength: 5,
});
const around = fc.string({ unit: "binary", maxLength: 12 });

test("PHP reads what was rewritten in its values as what it would have made of the rewritten text", async () => {
    const cases = fc.sample(fc.tuple(steps, around, around), { numRuns: 600, seed: 7 }).map(([steps, left, right]) => ({
        steps,
        before: `${left} ${rule.from}/ ${right}`,
        after: `${left} ${rule.to}/ ${right}`,
    }));
    const made = (await php(cases)) as [string, string][];
    const rewritten = made.map(([before]) => rewriter.rewrite(Buffer.from(before, "base64"), "plain"));
    for (const [at, value] of rewritten.entries()) {
        const expected = Buffer.from(made[at]?.[1] ?? "", "base64");
        expect(value.toString(), JSON.stringify(cases[at])).toBe(expected.toString());
    }
    const read = await php(rewritten.map((value) => ({ value: value.toString("base64") })));
    expect(read.filter((isRead) => isRead !== true)).toEqual([]);
});

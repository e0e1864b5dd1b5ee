import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { markerSql } from "../../contract";

it("understudy marker prints the stack's marker and nothing else, first of all that production never gets it", async () => {
    const program = path.join(__dirname, "../../cli/understudy.mjs");
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, "marker", "demo"]);
    expect(stdout).toBe(markerSql("understudy/demo"));
    expect(stdout).toMatch(/^-- [^\n]*Never run it on production's server\.\nbegin;\n/);
    expect(stdout).toContain(
        "insert into understudy.replica (stack) values ('understudy/demo') on conflict do nothing;",
    );
    expect(stderr).toBe("");
});

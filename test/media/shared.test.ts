import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lookAtShared } from "../../agent/media/shared";
import { digest, never } from "./places";
import { eachInPlaces, first, source } from "./stage";

eachInPlaces();

const look = (more: { minimumFiles?: number; sentinel?: string } = {}, from = source) =>
    lookAtShared({ generation: first, shared: true, source: from, minimumFiles: 3, ...more }, never);

test("production's own files are looked at, and nothing is changed", async () => {
    const before = digest(source);
    expect(await look({ sentinel: "a/b/note" })).toBe(
        "Production's media are there, 3 files or more: they are read where they are, and not copied.",
    );
    expect(digest(source)).toBe(before);
});

test.each([
    [
        "has too few files, what is in lost+found not counted",
        { minimumFiles: 4 },
        /holds 3 files, and media\.minimumFiles is 4/,
    ],
    ["lacks the sentinel", { sentinel: "here" }, /does not hold here, which media\.sentinel names/],
])("a source that %s is not production's", async (_, more, reason) => {
    await expect(look(more)).rejects.toThrow(reason);
});

test("a source that is not there, or holds nothing, is not production's", async () => {
    await expect(look({}, join(source, "nowhere"))).rejects.toThrow(/is not there: mount production's files there/);
    await expect(look({ minimumFiles: 1 }, join(source, "empty"))).rejects.toThrow(/holds 0 files/);
});

test("no more of it is looked at than has to be", async () => {
    mkdirSync(join(source, "many"));
    for (let n = 0; n < 2000; n++) {
        writeFileSync(join(source, "many", `${n}`), "");
    }
    expect(await look({ minimumFiles: 1000 })).toContain("1,000 files or more");
});

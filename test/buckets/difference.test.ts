import { describe, expect, test } from "vitest";
import { differences, wrong } from "../../agent/buckets/difference";
import type { Found } from "../../agent/buckets/listing";

/** An object: its content stands for its hash, and none for one that has none. */
const object = (path: string, md5?: string, time = 1000): Found => ({
    path,
    size: 3,
    time,
    ...(md5 !== undefined && { md5 }),
});
const kinds = (source: Found[], target: Found[]) =>
    [...differences(source, target)].map(
        ({ kind, object: { path }, isUnseen }) => `${kind} ${path}${isUnseen ? " unseen" : ""}`,
    );

describe("a target differs from its source in", () => {
    test.each<[string, Found[], Found[], string[]]>([
        ["nothing, whenever it was made", [object("a", "x", 9)], [object("a", "x", 1)], []],
        ["what it lacks, and what it has besides", [object("a", "x")], [object("b", "x")], ["add a", "delete b"]],
        ["what has another hash", [object("a", "x")], [object("a", "y", 9000)], ["change a"]],
        ["what has another size", [{ ...object("a"), size: 4 }], [object("a", undefined, 9000)], ["change a"]],
        ["what is no younger, where a hash is missing", [object("a", "x")], [object("a")], ["change a unseen"]],
        ["nothing, where a hash is missing and it is younger", [object("a")], [object("a", "x", 2000)], []],
    ])("%s", (_, source, target, expected) => {
        expect(kinds(source, target)).toEqual(expected);
    });
});

describe("a target that was made while its source went on is wrong in", () => {
    const paths = (before: Found[], after: Found[], target: Found[]) =>
        [...wrong(before, after, target)].map(({ path }) => path);
    test.each<[string, Found[], Found[], Found[], string[]]>([
        ["nothing that the source has after", [object("a", "x")], [object("a", "y")], [object("a", "y")], []],
        ["nothing that it had before", [object("a", "x")], [object("a", "y")], [object("a", "x")], []],
        ["nothing that came since", [], [object("a", "y")], [], []],
        [
            "nothing that has gone since, copied or not",
            [object("a", "x"), object("b", "x")],
            [],
            [object("b", "x")],
            [],
        ],
        ["what was there all the time", [object("a", "x")], [object("a", "x")], [], ["a"]],
        ["what is neither of the two", [object("a", "x")], [object("a", "y")], [object("a", "z")], ["a"]],
        ["what is of nobody", [], [], [object("a", "x")], ["a"]],
        ["what has gone and is something else", [object("a", "x")], [], [object("a", "z")], ["a"]],
        ["nothing without a hash that was made within the second", [object("a")], [object("a")], [object("a")], []],
        ["what is older and without a hash", [object("a")], [object("a")], [object("a", undefined, 1)], ["a"]],
    ])("%s", (_, before, after, target, expected) => {
        expect(paths(before, after, target)).toEqual(expected);
    });
});

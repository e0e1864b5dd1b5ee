import { describe, expect, it } from "vitest";
import { readArguments } from "../../../cli/arguments";

describe("a command line", () => {
    it("has a command, a stack and the command's own flags", () => {
        expect(readArguments(["refresh", "demo", "--to", "2026-11-20T02:04:01Z", "--database-only"])).toEqual({
            command: "refresh",
            stack: "demo",
            flags: { to: "2026-11-20T02:04:01Z", "database-only": true },
        });
        expect(readArguments(["deploy", "demo", "1.1"])).toMatchObject({ command: "deploy", argument: "1.1" });
    });

    it("for a marker takes the stack alone", () => {
        expect(readArguments(["marker", "demo"])).toEqual({ command: "marker", stack: "demo", flags: {} });
        expect(() => readArguments(["marker", "demo", "--json"])).toThrow(/marker does not know --json/);
    });

    it("for a page takes a folder, and is about every stack", () => {
        expect(readArguments(["page", "public"])).toEqual({
            command: "page",
            stack: "",
            argument: "public",
            flags: {},
        });
        const wanted = /^Write understudy page FOLDER, which is about every stack\./;
        expect(() => readArguments(["page"])).toThrow(wanted);
        expect(() => readArguments(["page", "demo", "public"])).toThrow(wanted);
        expect(() => readArguments([])).toThrow(/\n {2}understudy page FOLDER\n/);
    });

    it("may have a command of two words", () => {
        expect(readArguments(["mask", "suggest", "demo"])).toEqual({
            command: "mask suggest",
            stack: "demo",
            flags: {},
        });
        expect(() => readArguments(["mask", "suggest"])).toThrow(/Write understudy mask suggest <stack>\./);
        expect(() => readArguments(["mask", "demo"])).toThrow(/There is no command mask\./);
    });

    it("for an announcement has a text and a time span, and for a status who has access", () => {
        expect(readArguments(["announce", "demo", "--reason", "the demo", "--in", "1h"])).toEqual({
            command: "announce",
            stack: "demo",
            flags: { reason: "the demo", in: "1h" },
        });
        expect(readArguments(["status", "demo", "--access"])).toMatchObject({ flags: { access: true } });
        expect(readArguments(["status", "--all"])).toEqual({ command: "status", stack: "", flags: { all: true } });
        expect(() => readArguments(["demo"])).toThrow(
            /announce <stack> \[--reason TEXT\] \[--in SPAN\][\s\S]*status <stack> \| --all \[--access\] \[--json\]/,
        );
    });

    it.each([
        [[], /^usage:/],
        [["destroy", "demo"], /There is no command destroy\.\nusage:/],
        [["up"], /Write understudy up <stack>\./],
        [["up", "demo", "more"], /Write understudy up <stack>\./],
        [["deploy", "demo"], /Write understudy deploy <stack> TAG\./],
        [["up", "demo", "--yes"], /up does not know --yes/],
        [["up", "--all"], /up does not know --all/],
        [["status", "demo", "--all"], /Write understudy status --all, which is about every stack, or name one\./],
        [["status", "--all", "--access"], /Write understudy status --all/],
        [["up", "demo", "--nonsense"], /nonsense/],
        [["refresh", "demo", "--database-only", "--media-only"], /leave nothing to refresh/],
        [["refresh", "demo", "--if-newer", "--media-only"], /leave out --media-only and --to/],
        [["refresh", "demo", "--if-newer", "--to", "2026-11-20T02:04:01Z"], /leave out --media-only and --to/],
        [["up", "demo", "--if-newer"], /up does not know --if-newer/],
        [["preview", "demo", "--format", "html"], /--format is "html": write markdown, or leave it out\./],
        [["preview", "demo", "--format", "markdown", "--json"], /leave out --json and --diff/],
    ])("%j is refused, with the way it is used", (args, sentence) => {
        expect(() => readArguments(args)).toThrow(sentence);
    });
});

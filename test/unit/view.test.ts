import { describe, expect, it } from "vitest";
import { clipped, Screen } from "../../cli/screen";
import { describeProgress, jsonView, textView } from "../../cli/view";
import type { Progress } from "../../contract/event";
import { eventIn } from "../../record";

/** A terminal that remembers each write. */
function terminal(columns = 80, isTTY = true) {
    const writes: string[] = [];
    return { columns, isTTY, writes, write: (text: string) => writes.push(text), all: () => writes.join("") };
}

/** What a terminal shows in the end: it knows "up", "clear below" and newlines, and breaks what is too wide. */
function shown({ writes, columns }: ReturnType<typeof terminal>): string[] {
    const lines = [""];
    let row = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told.
    for (const part of writes.join("").split(/(\x1b\[\d*[AJ]|\n)/)) {
        if (part.endsWith("A") && part.startsWith("\x1b")) {
            row -= Number.parseInt(part.slice(2), 10);
        } else if (part === "\x1b[J") {
            lines.length = row;
            lines.push("");
        } else if (part === "\n") {
            row += 1;
            lines[row] ??= "";
        } else {
            const text = `${lines[row]}${part}`;
            const broken = text.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""];
            lines.splice(row, 1, ...broken);
            row += broken.length - 1;
        }
    }
    return lines.filter((line) => line !== "");
}

const progress: Progress = {
    event: "progress",
    phase: "load",
    percent: 43,
    done: 1200,
    rate: 600,
    unit: "row",
    left: 90,
};

describe("progress in words", () => {
    it.each([
        [progress, "load: 43 %, 1,200 rows, 600 rows/s, 1 min 30 s left"],
        [
            { ...progress, unit: "byte" as const, done: 1536, rate: 1024 },
            "load: 43 %, 1.5 KiB, 1.0 KiB/s, 1 min 30 s left",
        ],
        [
            { ...progress, phase: "copy", unit: "byte" as const, done: 1536, rate: 1024, files: 12 },
            "copy: 43 %, 1.5 KiB, 1.0 KiB/s, 12 files, 1 min 30 s left",
        ],
        [
            { event: "progress" as const, phase: "read", done: 1, rate: 1, unit: "file" as const },
            "read: 1 file, 1 file/s",
        ],
    ])("of %j", (event, words) => {
        expect(describeProgress(event)).toBe(words);
    });
});

describe("a screen", () => {
    it("draws its lines again in their place, below the text", () => {
        const to = terminal();
        const screen = new Screen(to);
        screen.print("first\n");
        screen.draw(["a: 1 %", "b: 1 %"]);
        screen.draw(["a: 2 %", "b: 2 %"]);
        screen.print("second\n");
        expect(shown(to)).toEqual(["first", "second", "a: 2 %", "b: 2 %"]);
        screen.draw(["b: 3 %"]);
        expect(shown(to)).toEqual(["first", "second", "b: 3 %"]);
        screen.close();
        expect(shown(to)).toEqual(["first", "second"]);
    });

    it("changes by one write each, so that nothing flickers", () => {
        const to = terminal();
        const screen = new Screen(to);
        screen.draw(["a"]);
        screen.draw(["b"]);
        screen.print("text\n");
        expect(to.writes).toHaveLength(3);
    });

    it("keeps its lines within the terminal's width, whatever that is by then", () => {
        const to = terminal(10);
        const screen = new Screen(to);
        screen.draw(["0123456789abcdef"]);
        expect(shown(to)).toEqual(["01234567…"]);
        to.columns = 7;
        screen.draw(["0123456789abcdef"]);
        expect(shown(to)).toEqual(["01234…"]);
        expect(clipped("012", 3)).toBe("012");
    });

    it("waits for the end of a line, and shows what is left at the end", () => {
        const to = terminal();
        const screen = new Screen(to);
        screen.draw(["a"]);
        screen.print("half ");
        screen.print("a line\nand ");
        expect(shown(to)).toEqual(["half a line", "a"]);
        screen.close();
        expect(shown(to)).toEqual(["half a line", "and "]);
    });

    it("lets errors go to their own stream, with its lines out of the way", () => {
        const [to, errors] = [terminal(), terminal()];
        const screen = new Screen(to);
        screen.draw(["a"]);
        screen.print("wrong\n", errors);
        expect(errors.all()).toBe("wrong\n");
        expect(to.writes.slice(1)).toEqual(["\x1b[1A\x1b[J", "a\n"]);
    });
});

describe("what people see of the running Jobs", () => {
    it("is a line for each on a terminal, until its phase has ended", () => {
        const to = terminal();
        const view = textView(to, to);
        view.job("prepare-media", { event: "begun", phase: "copy" });
        view.job("prepare-database", { event: "begun", phase: "load" });
        view.job("prepare-database", progress);
        expect(shown(to)).toEqual([
            "    prepare-media: copy …",
            "    prepare-database: load: 43 %, 1,200 rows, 600 rows/s, 1 min 30 s left",
        ]);
        view.job("prepare-database", { event: "ended", phase: "load", seconds: 3.2 });
        view.job("prepare-database", { event: "sentence", text: "It is restored." });
        expect(shown(to)).toEqual([
            "    prepare-database: load: 3.2 s",
            "    prepare-database: It is restored.",
            "    prepare-media: copy …",
        ]);
    });

    it("is plain lines elsewhere, on each Job's progress one in ten seconds at most", () => {
        const to = terminal(80, false);
        let time = 0;
        const view = textView(to, to, () => time);
        view.job("a", { event: "begun", phase: "load" });
        view.job("b", { event: "begun", phase: "copy" });
        for (; time <= 20_000; time += 2_000) {
            view.job("a", { ...progress, percent: time / 1000 });
        }
        view.job("a", { event: "ended", phase: "load", seconds: 20 });
        expect(to.all()).not.toContain("\x1b");
        expect(to.all().trim().split(/\n\s*/)).toEqual([
            "a: load …",
            "b: copy …",
            "a: load: 10 %, 1,200 rows, 600 rows/s, 1 min 30 s left",
            "a: load: 20 %, 1,200 rows, 600 rows/s, 1 min 30 s left",
            "a: load: 20 s",
        ]);
    });
});

describe("what programs read", () => {
    it("is one object a line, the last one with the result, and nothing of what is for people", () => {
        const [to, errors] = [terminal(), terminal()];
        const view = jsonView(to, errors);
        view.engine("Updating …\n");
        view.job("prepare-database", progress);
        view.job("prepare-database", { event: "sentence", text: "It is restored." });
        view.diagnostic?.("The tag differs.", "error");
        view.say("live: 1");
        view.end({ result: "succeeded", generations: { database: "00000000aa", media: "00000000bb" } });
        expect(errors.all()).toBe("Updating …\n");
        expect(
            to
                .all()
                .trim()
                .split("\n")
                .map((line) => JSON.parse(line)),
        ).toEqual([
            { job: "prepare-database", ...progress },
            { job: "prepare-database", event: "sentence", text: "It is restored." },
            { event: "sentence", text: "The tag differs." },
            { event: "sentence", text: "live: 1" },
            {
                event: "result",
                result: "succeeded",
                generations: { database: "00000000aa", media: "00000000bb" },
                sentences: ["The tag differs.", "live: 1"],
                seconds: expect.any(Number),
            },
        ]);
    });
});

it("a line of a Job's log is an event only if it is one", () => {
    expect(eventIn(JSON.stringify(progress))).toEqual(progress);
    for (const line of ["The page answers.", "{", '{"event": "unheard-of"}', '{"backups": []}', ""]) {
        expect(eventIn(line), line).toBeUndefined();
    }
});

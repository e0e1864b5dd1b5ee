import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Live } from "../../contract/event";
import { type HistoryEntry, historyIn, historyText, historyWith, longestHistory } from "../../contract/history";
import { live as seen } from "./cli/seen";

/** What is live: these copies, the database switched at this minute, the media complete at that one. */
function live(database: string, switched: number, media = "00000000bb", completed = 0): Live {
    return {
        ...seen,
        database: { ...seen.database, id: database, switched: minute(switched) },
        media: { ...seen.media, id: media, completed: minute(completed) },
    };
}

const minute = (at: number) => new Date(Date.parse("2026-11-20T02:00:00Z") + at * 60_000).toISOString();
const [a, b] = ["00000000a1", "00000000a2"];
const historyOf = (...lives: Live[]) => lives.reduce<HistoryEntry[]>(historyWith, []);

describe("a history", () => {
    it("has a line for the copy that is live, with what it came to", () => {
        expect(historyOf(seen)).toEqual([
            {
                ...{ switched: "2026-11-20T02:20:00.000Z", database: "00000000aa", media: "00000000bb" },
                ...{ backup: "2026-11-20T02:04:01Z", seconds: 3.65, awayMs: 8 },
                ...{ rows: 1200, databaseBytes: 8192, mediaFiles: 800, mediaBytes: 2048 },
            },
        ]);
    });

    it("counts all databases of the copy", () => {
        const { report } = seen.database;
        const beside = {
            ...seen.database,
            others: [
                { name: "audit", report },
                { name: "new", report: null },
            ],
        };
        expect(historyOf({ ...seen, database: beside })[0]).toMatchObject({
            rows: 2400,
            databaseBytes: 16_384,
            seconds: 6.9,
        });
    });

    it("lists a copy once, however often it is looked at", () => {
        const [first, second] = [live(a, 1), live(b, 5)];
        expect(historyOf(first, first, second, second, second)).toEqual(historyOf(first, second));
    });

    it("has a line for a refresh of one half, with that half's seconds alone", () => {
        const [first, database, media] = historyOf(live(a, 1), live(b, 5), live(b, 5, "00000000cc", 9));
        expect(first).toMatchObject({ seconds: 3.65, awayMs: 8 });
        expect(database).toMatchObject({ switched: minute(5), seconds: 3.25, awayMs: 8 });
        expect(media).toMatchObject({ switched: minute(9), seconds: 0.4, awayMs: null, media: "00000000cc" });
    });

    it("has a line for a rollback, which made nothing", () => {
        const [, , back] = historyOf(live(a, 1), live(b, 5), live(a, 7));
        expect(back).toMatchObject({ database: a, switched: minute(7), seconds: 0, awayMs: 8 });
        const [, , mediaBack] = historyOf(live(a, 1), live(a, 1, "00000000cc", 5), live(a, 1));
        expect(mediaBack).toMatchObject({ media: "00000000bb", switched: minute(5), seconds: 0, awayMs: null });
    });

    it("has one for a copy that comes back when the line of the one between is missing", () => {
        expect(historyOf(live(a, 1), live(a, 7))).toMatchObject([{ switched: minute(1) }, { switched: minute(7) }]);
    });

    it("has none of what nobody knows enough of", () => {
        expect(historyOf({ ...seen, database: { ...seen.database, switched: null } })).toEqual([]);
        expect(historyOf({ ...seen, database: { ...seen.database, report: null } })).toEqual([]);
        expect(historyWith([], undefined)).toEqual([]);
    });

    it("tells no figures of media that are production's own", () => {
        const shared = { ...seen, media: { ...seen.media, completed: null, report: null } };
        expect(historyOf(shared)[0]).not.toHaveProperty("mediaBytes");
    });

    it("leaves out lines that are none", () => {
        const text = historyText(historyOf(seen));
        expect(historyIn(`torn\n{}\n\n${text}{"switched": "today"}\n`)).toEqual(historyIn(text));
        expect(historyIn()).toEqual([]);
    });

    it("stays as it is when it is read, and in the order of time, and never too long, whatever becomes live", () => {
        const id = fc.constantFrom(a, b, "00000000a3");
        const step = fc.tuple(id, id, fc.nat(3), fc.boolean());
        fc.assert(
            fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
                let history: HistoryEntry[] = [];
                let [now, switched, last] = [0, 0, ""];
                for (const [database, media, minutes, again] of steps) {
                    now += minutes;
                    switched = database === last && !again ? switched : now;
                    last = database;
                    const before = history;
                    history = historyIn(historyText(historyWith(history, live(database, switched, media, now))));
                    expect(history.slice(0, before.length)).toEqual(before);
                    expect(history.at(-1)).toMatchObject({ database, media });
                    expect(historyWith(history, live(database, switched, media, now))).toBe(history);
                }
                const times = history.map((entry) => Date.parse(entry.switched));
                expect(times).toEqual(times.toSorted((x, y) => x - y));
            }),
        );
    });

    it("keeps the newest of too many lines", () => {
        let history: HistoryEntry[] = [];
        for (let at = 0; at < longestHistory + 5; at++) {
            history = historyWith(history, live(at % 2 === 0 ? a : b, at + 1));
        }
        expect(history).toHaveLength(longestHistory);
        expect(history[0]?.switched).toBe(minute(6));
        expect(history.at(-1)?.switched).toBe(minute(longestHistory + 5));
    });
});

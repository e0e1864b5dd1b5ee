import { describe, expect, it } from "vitest";
import { type Drill, describeDrill, drillsIn } from "../../lifecycle/drill";

const drill: Drill = {
    started: "2026-11-20T04:00:00Z",
    seconds: 720,
    succeeded: true,
    backup: "2026-11-20T02:00:00Z",
    age: 7200,
    rows: 1_234_567,
    bytes: 5 * 2 ** 30,
};
const took = (seconds: number) => ({ ...drill, seconds });

describe("a drill", () => {
    it("is told beside those before it", () => {
        const words =
            "Backup 2026-11-20T02:00:00Z (2 h old) can be restored: 1,234,567 rows, 5.0 GiB, restored and proven in 12 min.";
        expect(describeDrill(drill, [])).toBe(`${words} It is the first.`);
        const failed = { started: drill.started, seconds: 3, succeeded: false };
        expect(describeDrill(drill, [took(600), failed, took(660), took(900)])).toBe(
            `${words} The last took 15 min; half of 3 drills took no longer than 11 min. 1 drill failed.`,
        );
        expect(describeDrill(failed, [drill])).toBe(
            "The drill has failed after 3 s: what the update has said above is why.",
        );
    });

    it("is kept as a line, and a line that is none is named", () => {
        expect(drillsIn("drills/demo.jsonl", `${JSON.stringify(drill)}\n${JSON.stringify(took(1))}\n`)).toEqual([
            drill,
            took(1),
        ]);
        expect(() => drillsIn("drills/demo.jsonl", `${JSON.stringify(drill)}\n{}\n`)).toThrow(
            "line 2 of drills/demo.jsonl is not as this version of understudy writes it",
        );
    });
});

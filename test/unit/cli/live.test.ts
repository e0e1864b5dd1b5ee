import { expect, it } from "vitest";
import { describeLive } from "../../../cli/live";
import { live, now } from "./seen";

it("the report at the end of an update tells what is live, what it holds and what it took", () => {
    expect(describeLive(live, "https://shop.example.org", 12.3, now).split("\n")).toEqual([
        "live       https://shop.example.org",
        "database   generation 00000000aa, from backup 2026-11-20T02:04:01Z (3 h old)",
        "loaded     1,200 rows in 2 tables, 8.0 KiB out of 1.0 KiB; load 3.2 s, prove 0.0 s; away for 8 ms",
        "media      generation 00000000bb, complete since 2026-11-20T02:10:00.000Z",
        "copied     800 files, 2.0 KiB, 790 of them unchanged and shared; copy 0.4 s",
        "took       12 s",
    ]);
});

it("the report tells how the rows and the files belong together, where somebody asked for it", () => {
    const rows = (missing: number) => {
        const references = { named: 1200, missing, examples: ['"a.jpg"', '"b.jpg"'].slice(0, missing), orphans: 7 };
        return describeLive({ ...live, references }, undefined, 1, now);
    };
    expect(rows(0)).toContain("in rows    1,200 files named, all there; 7 files named by none");
    expect(rows(2)).toContain('in rows    1,200 files named, 2 missing, such as "a.jpg"; 7 files named by none');
});

it("the report tells what was done to the copy before it was used", () => {
    const done = {
        hooks: [{ point: "beforeSwitch" as const, name: "sql/site.sql", database: "shop", rows: 12, seconds: 0.1 }],
        identity: {
            ...{ rewritten: { "public.page.body": 5, "public.page.url": 2 }, emptied: ["session"], raised: 3 },
            ...{ set: [{ table: "client", rows: 1 }], preserved: { flag: 4, job: "no copy is in use" } },
            ...{ tooShort: ["small"], seconds: 1 },
        },
        masked: { columns: { "public.person.email": "email", "public.person.name": "name" }, rows: 900, seconds: 1 },
    };
    const { database } = live;
    const changed = { ...database, report: database.report && { ...database.report, ...done } };
    const text = describeLive({ ...live, database: changed }, undefined, 1, now);
    expect(text).toContain("masked     2 columns of people's data");
    expect(text).toContain(
        "identity   7 values rewritten in 2 columns, 1 table emptied, 1 row set, 3 sequences raised, 4 rows kept; " +
            "nothing kept of job: no copy is in use; sequence small ends before the floor",
    );
    expect(text).toContain("hooks      sql/site.sql (12 rows)");
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { staysWithin } from "../../agent/media/tree";
import { generationsOf, parsePlan, readPlan } from "../../agent/plan";
import { unfitness, withoutValues } from "../../agent/postgres/psql";
import { refuseWithoutRoom } from "../../agent/postgres/room";
import { Refusal } from "../../agent/refusal";
import { formatAge, formatBytes, plural, progressOf } from "../../agent/report";
import { smoke } from "../../agent/smoke";
import { type Plan, planSchema, planVersion } from "../../contract";
import { mediaRules } from "../media-rules";

const plan: Plan = {
    version: planVersion,
    stack: "understudy/test",
    source: {},
    database: {
        generation: "00000000aa",
        databases: [{ name: "shop", owner: "shop" }],
        dump: "database",
        backup: "latest",
        maximumAge: 3600,
        keepGenerations: 1,
        rules: "00000000a1",
        keepBase: false,
        amcheck: false,
        extensions: [],
        encoding: "UTF8",
        capacity: 2 ** 30,
        server: { host: "database", port: 5432, user: "postgres", passwordFile: "/password" },
        loginPasswordFile: "/login",
        backups: "/source",
    },
    media: {
        generation: "00000000bb",
        source: "/source",
        volume: "/media",
        ...mediaRules,
        group: 1,
    },
    imageTag: "1.0",
    allowTagMismatch: false,
    keepFailed: false,
    smoke: { url: "http://application/" },
};

describe("the plan", () => {
    test("names the generations that a command is about", () => {
        expect(generationsOf("prepare-database", plan)).toEqual(["00000000aa"]);
        expect(generationsOf("prepare-media", plan)).toEqual(["00000000bb"]);
        expect(generationsOf("switch", plan)).toEqual(["00000000aa", "00000000bb"]);
    });

    test("is read again until it carries the generation that the run was started for", async () => {
        const folder = mkdtempSync(join(tmpdir(), "understudy-plan-"));
        const path = join(folder, "plan.json");
        writeFileSync(path, JSON.stringify(plan));
        const request = { path, command: "prepare-media", generations: ["00000000cc"] } as const;
        await expect(readPlan({ ...request, generations: ["00000000cc"], patience: 0.1 })).rejects.toThrow(
            "is about generation 00000000bb, but this run was started for 00000000cc",
        );
        const reading = readPlan({ ...request, generations: ["00000000cc"], patience: 60 });
        writeFileSync(path, JSON.stringify({ ...plan, media: { ...plan.media, generation: "00000000cc" } }));
        expect((await reading).media.generation).toBe("00000000cc");
        rmSync(folder, { recursive: true });
    });

    test("with problems is refused with all of them", () => {
        expect(() => parsePlan(planSchema, "{", "/plan")).toThrow(Refusal);
        expect(() => parsePlan(planSchema, '{"version": 9, "stack": ""}', "/plan")).toThrow(
            /version: .*; stack: .*; database: /,
        );
    });
});

test.each([
    ["15.14", 15, undefined],
    ["15.13", 15, "use an image with psql 15.14 or later"],
    ["17.5", 15, "use an image with psql 17.6 or later"],
    ["17.6", 15, undefined],
    ["18.0", 16, undefined],
    ["12.22", 12, "use an image with psql 15.14 or later"],
    ["15.20", 16, "psql 15.20 is older than the server, 16"],
])("psql %s for server %i", (version, server, problem) => {
    expect(unfitness(version, server) ?? "fits").toContain(problem ?? "fits");
});

test("what a message quotes of a row is left out, and names stay", () => {
    expect(withoutValues('invalid input syntax for type date: "Ada"')).toBe('invalid input syntax for type date: "…"');
    expect(withoutValues('value "123456" is out of range for type integer')).toBe(
        'value "…" is out of range for type integer',
    );
    expect(withoutValues('invalid input value for enum mood: "a\nb" "c"')).toBe(
        'invalid input value for enum mood: "…"',
    );
    expect(withoutValues('relation "public.x" does not exist')).toBe('relation "public.x" does not exist');
});

describe("room for a second copy", () => {
    const mebi = 2 ** 20;
    const room = {
        capacity: 1000 * mebi,
        used: 300 * mebi,
        copies: 1,
        live: 200 * mebi,
        backup: 20 * mebi,
        wal: 16 * mebi,
        maximumWal: 1024 * mebi,
    };

    test("counts the log that the load writes, up to the server's own limit", () => {
        expect(() => refuseWithoutRoom(room)).not.toThrow();
        expect(() => refuseWithoutRoom({ ...room, used: 600 * mebi })).not.toThrow();
        expect(() => refuseWithoutRoom({ ...room, used: 601 * mebi })).toThrow(
            "needs about 200.0 MiB (the size of the live copy), and 199.0 MiB",
        );
        expect(() => refuseWithoutRoom({ ...room, used: 601 * mebi, maximumWal: 100 * mebi })).not.toThrow();
        expect(() => refuseWithoutRoom({ ...room, wal: 501 * mebi })).toThrow(Refusal);
    });

    test("is needed twice where a base is kept as well", () => {
        expect(() => refuseWithoutRoom({ ...room, copies: 2, used: 200 * mebi })).not.toThrow();
        expect(() => refuseWithoutRoom({ ...room, copies: 2, used: 300 * mebi })).toThrow(
            /for another copy and a base of it: it needs about 400\.0 MiB .*or leave out database\.keepBase\.$/,
        );
    });

    test("is estimated from the backup while there is no live copy", () => {
        const { live: _, ...first } = room;
        expect(() => refuseWithoutRoom({ ...first, backup: 35 * mebi })).not.toThrow();
        expect(() => refuseWithoutRoom({ ...first, backup: 36 * mebi })).toThrow("(10 times the backup's file)");
    });
});

test.each([
    ["a/b/link", "c", true],
    ["a/b/link", "../../c", true],
    ["a/b/link", "../../../c", false],
    ["a/b/link", "/a", false],
    ["a/b/link", "c/../../../..", false],
    ["a/b/link", "./../.././c", true],
    ["link", "..", false],
    ["link", ".", true],
    ["link", "...", true],
])("a link at %s to %s stays within: %s", (path, target, within) => {
    expect(staysWithin(path, target)).toBe(within);
});

test("figures for people", () => {
    expect([0, 1023, 1536, 2 ** 40, 2 ** 60].map(formatBytes)).toEqual([
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "1.0 TiB",
        "1048576.0 TiB",
    ]);
    expect([0, 59.6, 3600, 93_784, -5].map(formatAge)).toEqual(["0 s", "1 min", "1 h", "1 d 2 h", "0 s"]);
    expect([plural(1, "file"), plural(0, "file"), plural(12_345, "row")]).toEqual(["1 file", "0 files", "12,345 rows"]);
});

describe("the progress of a phase", () => {
    const event = "progress";

    test("tells the share of what there is to read, the speed, and the time for the rest", () => {
        const reading = { done: 3000, unit: "row" as const, part: { of: 1000, through: 299 } };
        expect(progressOf("load", reading, 6)).toEqual({
            event,
            phase: "load",
            percent: 29,
            done: 3000,
            rate: 500,
            unit: "row",
            left: 14,
        });
    });

    test("promises no time when nothing or everything is read", () => {
        const reading = (through: number) => ({ done: through, unit: "byte" as const, part: { of: 10, through } });
        expect(progressOf("load", reading(10), 2)).toEqual({
            event,
            phase: "load",
            percent: 100,
            done: 10,
            rate: 5,
            unit: "byte",
        });
        expect(progressOf("load", reading(0), 2)).not.toHaveProperty("left");
        // A file that grows while it is copied.
        expect(progressOf("load", reading(12), 2)).toMatchObject({ percent: 100 });
    });

    test.each([
        ["nobody knows how much there is", undefined],
        ["there is nothing", { of: 0, through: 0 }],
    ])("has no percent where %s", (_, part) => {
        const reading = { done: 8, unit: "file" as const, ...(part !== undefined && { part }) };
        expect(progressOf("read", reading, 2)).toEqual({ event, phase: "read", done: 8, rate: 4, unit: "file" });
    });

    test("tells of files where bytes are what is counted", () => {
        const reading = { done: 50, unit: "byte" as const, files: 3, part: { of: 100, through: 50 } };
        expect(progressOf("copy", reading, 2)).toMatchObject({ done: 50, files: 3, left: 2 });
    });
});

describe("the smoke check", () => {
    let server: Server;
    afterEach(() => void server.close());

    async function check(answer: (path: string) => { status: number; location?: string }, patience = 1) {
        server = createServer((request, response) => {
            const { status, location } = answer(request.url ?? "");
            response.writeHead(status, location === undefined ? {} : { location }).end("nobody's business");
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const address = server.address();
        const port = typeof address === "object" ? address?.port : 0;
        return smoke({ ...plan, smoke: { url: `http://127.0.0.1:${port}/` } }, new AbortController().signal, patience);
    }

    test("waits until the page answers", async () => {
        let asked = 0;
        expect(await check(() => ({ status: ++asked < 3 ? 503 : 200 }), 60)).toContain("answers 200");
    });

    test("follows a redirect on the same host", async () => {
        const answer = (path: string) => (path === "/" ? { status: 302, location: "/login" } : { status: 200 });
        expect(await check(answer, 60)).toContain("answers 200");
    });

    test.each([
        ["another status", { status: 500 }, "its last answer was 500"],
        [
            "a redirect to another host",
            { status: 301, location: "http://production.example/" },
            "another host (production.example)",
        ],
        ["a circle of redirects", { status: 302, location: "/" }, "more than 5 redirects"],
    ])("does not take %s for an answer", async (_, answer, reason) => {
        const error = await check(() => answer).catch((reason: unknown) => reason);
        expect(String(error)).toContain(reason);
        expect(String(error)).not.toContain("business");
    });

    test("says when nobody listens", async () => {
        const nobody = { ...plan, smoke: { url: "http://127.0.0.1:1/" } };
        await expect(smoke(nobody, new AbortController().signal, 0.1)).rejects.toThrow(/last answer was/);
    });
});

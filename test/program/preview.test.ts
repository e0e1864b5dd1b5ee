import { beforeAll, describe, expect, it } from "vitest";
import { generationsOf } from "../../components/generations";
import type { Live } from "../../contract/event";
import { parseSettings } from "../../settings";
import { entry } from "../entry";
import { report } from "../report";
import { type Run, runProgram } from "./monitor";
import { changed, config, published, said, withLive } from "./registered";

const stampBefore = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString().replace(/\.\d+/, "");
const newest = stampBefore(1);

/** What production's side has made of its store of media. */
const edition = { published: "2026-11-20T02:04:01.000Z", files: 1300, bytes: 4096, brought: 1300, removed: 0 };

/** Production's catalogue with this backup, what it holds, and what became of the media. */
function publishing(stamp: string, media: object = edition): Record<string, object> {
    const tables = { "public.item": { rows: 1300, bytes: 15_400, sha256: "a".repeat(64) } };
    const held = { bytes: 4096, extensions: { plpgsql: "1.0" }, tables };
    const contents = { stamp, subject: "catalogue", database: "catalogue", ...held };
    return published([entry(stamp, "catalogue")], [contents], [media]);
}

/** The same beside a replica on which other generations are live, as its last switch has told. */
function refreshing(stamp: string, kept: string[] = []): Record<string, object | string> {
    const generations = { database: "00000000aa", media: "00000000bb" };
    const live: Live = {
        event: "live",
        database: { id: generations.database, state: "live", switched: null, awayMs: 8, report, others: [] },
        media: { id: generations.media, completed: null, report: null },
        kept,
        room: { media: 8192 },
    };
    const selector = encodeURIComponent("app.kubernetes.io/part-of=understudy,app.kubernetes.io/name=switch");
    return {
        ...withLive(generations, publishing(stamp)),
        [`/api/v1/namespaces/replica/pods?labelSelector=${selector}`]: {
            items: [{ metadata: { name: "switch-1-x" }, status: { phase: "Succeeded" } }],
        },
        "/api/v1/namespaces/replica/pods/switch-1-x/log": `${JSON.stringify(live)}\n`,
    };
}

describe("a preview", () => {
    let run: Run;
    beforeAll(async () => {
        run = await runProgram({ config, cluster: refreshing(newest), dryRun: true });
    });

    it("says in words what an update would do, once", () => {
        expect(run.status).toBe(0);
        const [words = "", ...more] = run.log
            .filter(({ severity }) => severity === "info")
            .map(({ message }) => message);
        expect(more).toEqual([]);
        expect(words).toMatch(/^What an update would do:\ndatabase +is refreshed from the latest backup/);
        expect(words).toMatch(
            new RegExp(`^backup +${newest} \\(1 h.* old\\), stored in 1\\.0 KiB, of PostgreSQL 15\\.20`, "m"),
        );
        expect(words).toMatch(/^tables +public\.item +100 rows more, 1000 bytes more$/m);
        expect(words).toMatch(/^takes +about 1\.6 s; the last took 3\.3 s/m);
        expect(words).toMatch(/^holds +1,300 files, 4\.0 KiB, published .* ago$/m);
    });

    it("passes over what is not told of the media in a way that it knows", async () => {
        const { status, log } = await runProgram({ config, cluster: publishing(newest, { files: 1 }), dryRun: true });
        expect(status).toBe(0);
        const words = log.map(({ message }) => message).join("\n");
        expect(words).toMatch(/^holds +1,300 rows/m);
        expect(words).not.toMatch(/^holds +.* files/m);
    });

    it("that cannot see the cluster says as much", async () => {
        expect(said(await runProgram({ config, dryRun: true }), "info")).toMatch(/what is live could not be looked at/);
    });

    it("writes nothing to the cluster: it reads, and asks who it is", async () => {
        expect(run.requests.length).toBeGreaterThan(5);
        expect(run.requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
        const target = { context: "understudy-demo", developer: { user: "anna", name: "search" } };
        const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        const anna = { status: { userInfo: { username: "anna", groups: [] } } };
        const { requests } = await runProgram({
            config: { ...config, "understudy:target": JSON.stringify(target) },
            stack: "dev-anna",
            cluster: { ...publishing(newest), [review]: anna },
            dryRun: true,
        });
        expect(requests.filter((request) => !request.startsWith("GET "))).toEqual([`POST ${review}`]);
    });

    it("is what the words are for: an update says none", async () => {
        const update = await runProgram({ config, cluster: refreshing(newest) });
        expect(update.status).toBe(0);
        expect(said(update, "info")).toBe("");
    });
});

describe("a preview refuses", () => {
    const refused = async (settings: Record<string, string>, known: Record<string, object | string>) => {
        const run = await runProgram({ config: settings, cluster: known, dryRun: true });
        expect(run.status).not.toBe(0);
        expect(run.registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
        return said(run, "error");
    };

    it("a stamp that production's catalogue does not know, together with all else that speaks against it", async () => {
        const settings = {
            ...changed("database", { backup: stampBefore(2) }),
            "understudy:hold": "the test team: demo",
        };
        const message = await refused(settings, refreshing(newest));
        expect(message).toMatch(/held by the test team/);
        expect(message).toMatch(
            /has no hourly backup of database catalogue with stamp .*; the newest are .*Nothing was/,
        );
    });

    it("a backup that is older than it may be", async () => {
        const message = await refused(config, refreshing(stampBefore(30)));
        expect(message).toMatch(
            /^The latest backup of database catalogue, .* is 1 d 6 h.* old, and the limit is 1 d 2 h/m,
        );
    });

    it("a catalogue, or contents, that cannot be read", async () => {
        const torn = published([{ tier: "hourly" }]);
        expect(await refused(config, torn)).toMatch(/cannot be used: line 1 of catalogue\.jsonl is not/);
        const half = published([entry(newest, "catalogue")], [{ stamp: newest }]);
        expect(await refused(config, half)).toMatch(/cannot be used: line 1 of contents\.jsonl is not/);
    });

    it("nothing for an old backup whose copy is kept", async () => {
        const settings = changed("database", { backup: stampBefore(30) });
        const { database } = generationsOf(parseSettings(settings, "understudy", "demo"));
        const run = await runProgram({ config: settings, cluster: refreshing(newest, [database]), dryRun: true });
        expect(run.status).toBe(0);
    });
});

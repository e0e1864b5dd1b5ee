import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markerSql, type Plan, volumeMarker } from "../../contract";
import { refusals } from "../../preflight";
import { parseSettings } from "../../settings";
import type { Sighting } from "../../sighting";
import { entry } from "../entry";
import { isRoot } from "../media/places";
import { manifestOf } from "../postgres/manifest";
import { stack, stampBefore } from "../postgres/replica";
import { binaries, freePort, spawnAsServer } from "../postgres/server";
import { config } from "../unit/cli/seen";
import { digest } from "./digest";
import { startProxy, through, type Way } from "./proxy";
import { type FaultStage, openFaultStage } from "./stage";
import { type Refused, tellFences } from "./table";

/** Every way in which production has been somebody's target, and the guard that keeps this program from it. */
let stage: FaultStage;
const told: Refused[] = [];
beforeAll(async () => {
    stage = await openFaultStage();
    const sql = "select system_identifier::text as id from pg_control_system()";
    identifier = String((await stage.production.query("postgres", sql))[0]?.id);
    proxy = await startProxy(stage.production.port);
});
afterAll(async () => {
    tellFences(told);
    await proxy?.close();
    await stage?.stop();
});

let identifier: string;
let proxy: Way;

describe("production's server, in the worst case marked as this stack's,", () => {
    const ways: [way: string, server: () => Partial<Plan["database"]["server"]>][] = [
        ["by its address", () => ({ port: stage.production.port })],
        [
            "by another name, as a Service of type ExternalName gives it",
            () => ({ host: "localhost", port: stage.production.port }),
        ],
        ["by another way to write its address", () => ({ host: "127.1", port: stage.production.port })],
        ["behind a Service whose endpoints lead to it", () => ({ port: proxy.port })],
    ];
    beforeAll(() => stage.production.query("postgres", markerSql(stack)));
    afterAll(() => stage.production.query("postgres", "drop schema understudy cascade"));

    test.each(ways)("is refused %s", async (way, server) => {
        const plan = { ...through(stage.next(), server()), source: { systemIdentifier: identifier } };
        await refused({ way: `server: production's, ${way}`, guard: "system identifier" }, plan, /is production's own/);
    });

    test("is refused where the stack file does not tell its identifier, but its backups' manifest does", async () => {
        const store = mkdtempSync(join(stage.replica.folder, "store-"));
        mkdirSync(join(store, "hourly"));
        const stamp = stampBefore(60);
        const path = join(store, "hourly", `backup-${stamp}-shop.sql.gz`);
        writeFileSync(path, stage.backup);
        const manifest = manifestOf({ path, stamp });
        const server = { ...manifest.server, systemIdentifier: identifier };
        writeFileSync(path.replace(".sql.gz", ".json"), JSON.stringify({ ...manifest, server }));
        const plan = through(stage.next(), { port: stage.production.port });
        // Else the database that is there is refused first.
        const databases: Plan["database"]["databases"] = [
            { name: "copy", owner: "copyist", production: { name: "shop", owner: "shop" } },
        ];
        const told = { ...plan, source: {}, database: { ...plan.database, backups: store, databases } };
        const row = { way: "server: production's, of unknown identifier", guard: "the backup's manifest" };
        await refused(row, told, /is production's own \(system identifier \d+, on which backup-.* was made\)/);
    });
});

test("production's server of which nobody knows anything is refused, as it carries no marker", async () => {
    const plan = { ...through(stage.next(), { port: stage.production.port }), source: {} };
    const row = { way: "server: production's, of unknown identifier, no manifest", guard: "marker" };
    await refused(row, plan, /does not carry the marker of a replica/);
});

describe("a copy of production's server, file by file,", () => {
    let port: number;
    let stop: () => Promise<unknown>;
    beforeAll(async () => {
        await stage.production.query("postgres", markerSql("understudy/production"));
        const folder = mkdtempSync(join(stage.replica.folder, "copy-"));
        const data = join(folder, "data");
        await stage.production.tool("pg_basebackup", ["-D", data, "-c", "fast"]);
        if (isRoot) {
            execFileSync("chown", ["-R", "65534:65534", folder]);
            execFileSync("chmod", ["755", stage.replica.folder]);
        }
        port = await freePort();
        const options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
        const child = spawnAsServer(join(binaries, "postgres"), ["-D", data, "-p", `${port}`, ...options]);
        const ended = new Promise((resolve) => child.once("exit", resolve));
        stop = () => {
            child.kill("SIGINT");
            return ended;
        };
        await answering(port);
    });
    afterAll(async () => {
        await stop?.();
        await stage.production.query("postgres", "drop schema understudy cascade");
    });

    test("is refused by the identifier that it has from there", async () => {
        const plan = { ...through(stage.next(), { port }), source: { systemIdentifier: identifier } };
        const row = { way: "server: a physical copy of production's", guard: "system identifier" };
        await refused(row, plan, /is production's own/);
    });

    test("is refused by the marker that it has from there, where nobody knows the identifier", async () => {
        const plan = { ...through(stage.next(), { port }), source: {} };
        const row = { way: "server: a restored copy with another's marker", guard: "the marker's stack" };
        await refused(row, plan, /belongs to the replica of stack understudy\/production, not of understudy\/test's/);
    });
});

describe("production's files as the replica's volume", () => {
    const source = () => join(stage.replica.folder, "source");
    const inFolder = (name: string) => join(stage.replica.folder, name);

    test.each<[way: string, guard: string, make: () => string, says: RegExp]>([
        ["the same folder", "marker", source, /does not carry the marker/],
        [
            "a symbolic link to it",
            "marker",
            () => {
                symlinkSync(source(), inFolder("link"));
                return inFolder("link");
            },
            /does not carry the marker/,
        ],
        [
            "an empty folder in it",
            "inode",
            () => {
                mkdirSync(join(source(), "empty"));
                return join(source(), "empty");
            },
            /the same folder, or one is within the other/,
        ],
        [
            "a copy of them with another stack's marker",
            "the marker's stack",
            () => {
                cpSync(source(), inFolder("restored"), { recursive: true });
                writeFileSync(join(inFolder("restored"), volumeMarker), JSON.stringify({ stack: "understudy/other" }));
                return inFolder("restored");
            },
            /belongs to the replica of stack understudy\/other, not of understudy\/test's/,
        ],
        [
            "a copy of them without a marker",
            "marker",
            () => {
                cpSync(source(), inFolder("strange"), { recursive: true });
                return inFolder("strange");
            },
            /does not carry the marker .* and it is not empty/,
        ],
    ])("are refused as %s", async (way, guard, make, says) => {
        await refusedVolume({ way: `volume: ${way}`, guard }, make(), says);
    });

    test.runIf(isRoot)("are refused as a bind mount of a part of them", async () => {
        const [part, point] = [join(source(), "deep/er"), inFolder("bound")];
        mkdirSync(part, { recursive: true });
        mkdirSync(point);
        execFileSync("mount", ["--bind", part, point]);
        try {
            await refusedVolume(
                { way: "volume: a bind mount of a part", guard: "place on the file system" },
                point,
                /the same folder, or one/,
            );
        } finally {
            execFileSync("umount", [point]);
        }
    });

    test("are refused the other way round: a replica's volume is no source", async () => {
        const plan = stage.next();
        const media = {
            ...(plan.media as object),
            source: inFolder("volume"),
            volume: mkdtempSync(inFolder("empty-")),
        };
        const ending = await stage.attempt("prepare-media", { ...plan, media } as Plan);
        expect(ending).toMatchObject({
            status: 3,
            sentence: expect.stringContaining("is a replica's volume, not production's"),
        });
        told.push({ way: "source: a replica's volume", guard: "marker", sentence: ending.sentence });
    });
});

describe("before a run begins", () => {
    const source = {
        namespace: "shop",
        database: { nfs: { server: "10.0.0.1", path: "/backups" } },
        media: { hostPath: "/b" },
    };
    const settings = parseSettings({ ...config, "understudy:source": JSON.stringify(source) }, "understudy", "demo");
    const target = (stack: string, uid = "uid") => ({ uid, labels: { "understudy/stack": stack }, annotations: {} });
    const here = { sourceUid: "uid-of-shop", target: target("understudy.demo") };
    const now = new Date().toISOString();
    // When the tests before it are done.
    const later = new Date(Date.now() + 600_000).toISOString();

    test.each<[way: string, guard: string, sighting: Sighting, says: RegExp]>([
        [
            "production's namespace under another context",
            "unique id",
            { ...here, target: target("understudy.demo", "uid-of-shop") },
            /is production's .* by its unique id/,
        ],
        [
            "another stack's",
            "label",
            { ...here, target: target("understudy.other") },
            /belongs to stack understudy\.other/,
        ],
        [
            "a claim on production's volume",
            "volume handle",
            { ...here, places: { database: { handle: "v of d" } }, sourcePlaces: { data: { handle: "v of d" } } },
            /claim data of namespace shop/,
        ],
        [
            "a claim on production's export",
            "server and path",
            { ...here, places: { media: { folder: "/backups/in", of: "10.0.0.1" } } },
            /source\.database/,
        ],
        [
            "another server makes its backups",
            "catalogue",
            { ...here, catalogue: [entry(now)] },
            /was made on the server 1: write that/,
        ],
        [
            "somebody else's run is at it",
            "lease",
            { ...here, lease: { holder: "anna on a-laptop, process 7", since: now, renewed: later } },
            /being changed by anna on a-laptop/,
        ],
    ])("%s is refused", (way, guard, sighting, says) => {
        const wanted = { ...settings, source: { ...settings.source, systemIdentifier: identifier } };
        const sentences = refusals(wanted, "understudy/demo", sighting).filter((one) => says.test(one));
        expect(sentences).toHaveLength(1);
        told.push({ way: `namespace: ${way}`, guard, sentence: sentences.join() });
    });
});

/** The agent refuses a plan, and has changed neither production's server nor the replica's. */
async function refused(row: Omit<Refused, "sentence">, plan: Plan, says: RegExp): Promise<void> {
    const before = await stage.production.content();
    const ending = await stage.attempt("prepare-database", plan);
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringMatching(says) });
    expect(await stage.production.content()).toBe(before);
    told.push({ ...row, sentence: ending.sentence });
}

/** The agent refuses a volume, and nothing in it or in production's files has changed. */
async function refusedVolume(row: Omit<Refused, "sentence">, volume: string, says: RegExp): Promise<void> {
    const plan = stage.next();
    const before = digest(volume);
    const media = { ...(plan.media as object), generation: plan.database.generation, volume };
    const ending = await stage.attempt("prepare-media", { ...plan, media } as Plan);
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringMatching(says) });
    expect(digest(volume)).toBe(before);
    told.push({ ...row, sentence: ending.sentence });
}

/** Waits until a copy of production's server lets its superuser in. */
async function answering(port: number): Promise<void> {
    const { Client } = await import("pg");
    for (let attempt = 0; ; attempt++) {
        const client = new Client({ host: "127.0.0.1", port, user: "postgres", password: stage.production.password });
        client.on("error", () => undefined);
        try {
            await client.connect();
            return await client.end();
        } catch (error) {
            if (attempt === 200) {
                throw error;
            }
            await sleep(100);
        }
    }
}

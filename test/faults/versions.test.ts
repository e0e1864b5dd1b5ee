import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packing } from "../postgres/formats";
import { manifestOf } from "../postgres/manifest";
import { frame } from "../postgres/replica";
import { binaries } from "../postgres/server";
import { sweep } from "../sweep";
import { type FaultStage, openFaultStage } from "./stage";

/** Server, programs and backup are of versions that do not go together. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const plain = (hourly: string, stamp: string, bytes: Buffer) => {
    const path = join(hourly, `backup-${stamp}-shop.sql.gz`);
    writeFileSync(path, bytes);
    return { stamp, path };
};

test("a plain dump of a newer server", () =>
    stage.offered({
        fault: "8 a newer server's backup",
        step: "plain",
        put(hourly, stamp) {
            const text = gunzipSync(stage.backup).toString("latin1");
            const newer = text.replace(/Dumped from database version \S+/, "Dumped from database version 18.4");
            plain(hourly, stamp, gzipSync(Buffer.from(newer, "latin1")));
        },
        status: 3,
        says: /is of PostgreSQL 18\.4, and the replica's server is 15\.\d+/,
    }));

sweep([
    ["server", 0, /is of PostgreSQL 18\.\d+, and the replica's server is 15\.\d+/],
    ["pg_dump", 1, /was made by pg_dump 18\.\d+, from PostgreSQL 15\.\d+, and pg_restore is 15\.\d+ here/],
] as const)("an archive of a newer %s", (what, at, says) =>
    stage.offered({
        fault: `8 a newer ${what}'s backup`,
        step: "custom",
        async put(hourly, stamp) {
            const path = join(hourly, `backup-${stamp}-shop.dump`);
            await packing(stage.production, stage.backup).custom(path);
            const bytes = readFileSync(path);
            // The server's version comes first, then pg_dump's.
            let found = bytes.indexOf("\x0015.") + 1;
            for (let more = 0; more < at; more++) {
                found = bytes.indexOf("\x0015.", found) + 1;
            }
            bytes.write("18", found);
            writeFileSync(path, bytes);
        },
        status: 3,
        says,
    }),
);

sweep([
    ["psql is older than the server", "psql", "psql (PostgreSQL) 14.20", /psql 14\.20 is older than the server, 15/],
    [
        "psql obeys a dump's commands",
        "psql",
        "psql (PostgreSQL) 15.13",
        /psql 15\.13 obeys commands that hide in a dump/,
    ],
    ["psql is not there", "psql", "", /psql is not there/],
    [
        "pg_restore is older than pg_dump was",
        "pg_restore",
        "pg_restore (PostgreSQL) 14.20",
        /pg_restore is 14\.20 here/,
    ],
    ["pg_restore is not there", "pg_restore", "", /pg_restore is not there/],
])("%s", async (step, program, version, says) => {
    const tools = join(stage.replica.folder, "tools");
    mkdirSync(tools);
    for (const tool of ["psql", "pg_restore"].filter((tool) => tool !== program)) {
        symlinkSync(join(binaries, tool), join(tools, tool));
    }
    if (version !== "") {
        writeFileSync(join(tools, program), `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 });
    }
    const plan = stage.next();
    const archived = structuredClone(plan);
    archived.database.backups = join(stage.replica.folder, "archives");
    mkdirSync(join(archived.database.backups, "hourly"), { recursive: true });
    const path = join(archived.database.backups, `hourly/backup-${new Date().toISOString()}-shop.dump`);
    await packing(stage.production, stage.backup).custom(path);
    const ending = await stage.attempt("prepare-database", archived, { env: { PATH: tools } });
    rmSync(tools, { recursive: true });
    rmSync(path);
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringMatching(says) });
    await stage.recovered({ fault: "8 a program", step, ending, plan });
});

const foreign = "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;";

test("an extension that the server does not have fails the load", () =>
    stage.offered({
        fault: "8 an extension is missing",
        step: "without a manifest",
        put: (hourly, stamp) => plain(hourly, stamp, frame(foreign)),
        status: 1,
        says: /cannot be loaded\. It needs the extension postgis, and the server, 15\.\d+, does not have it: use an image/,
    }));

test("an extension that the server does not have is refused where a manifest tells of it", () =>
    stage.offered({
        fault: "8 an extension is missing",
        step: "with a manifest",
        put(hourly, stamp) {
            const extensions = { plpgsql: "1.0", postgis: "3.3.2" };
            const manifest = manifestOf(plain(hourly, stamp, frame(foreign)), { extensions });
            writeFileSync(join(hourly, `backup-${stamp}-shop.json`), JSON.stringify(manifest));
        },
        status: 3,
        says: /needs the extension postgis 3\.3\.2, and the server, 15\.\d+, does not have it: use an image/,
    }));

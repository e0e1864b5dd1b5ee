import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generationFolder } from "../../contract";
import { aside, frame, ids, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;

beforeAll(async () => {
    replica = await startReplica();
    for (const [at, id] of ids.entries()) {
        replica.store(
            stampBefore(4000 - at),
            frame(`CREATE TABLE public.item (n integer);\nGRANT SELECT ON TABLE public.item TO reader_${at};`),
        );
        for (const command of ["prepare-database", "prepare-media"] as const) {
            expect(await replica.run(command, replica.plan(id, id))).toMatchObject({ status: 0 });
        }
        // The third one is proven, but never becomes live.
        if (at !== 2 && at !== 4) {
            expect(await replica.run("switch", replica.plan(id, id))).toMatchObject({ status: 0 });
        }
    }
});
afterAll(() => replica?.stop());

async function databases() {
    const rows = await replica.server.query(
        "postgres",
        "select datname from pg_database where datname ~ '^shop' order by 1",
    );
    return rows.map(({ datname }) => datname);
}

test("refuses while another generation is live", async () => {
    const before = await replica.server.content();
    const ending = await replica.run("retire", replica.plan(ids[0], ids[0]));
    expect(ending).toMatchObject({
        status: 3,
        sentence: expect.stringContaining(`Generation ${ids[3]} of database shop is live`),
    });
    expect(await replica.server.content()).toBe(before);
});

test("a former database that somebody uses stays; the rest goes, with its roles and media", async () => {
    const { server, folder } = replica;
    const volume = join(folder, "volume");
    mkdirSync(join(volume, generationFolder("00000000ff")));
    writeFileSync(join(volume, generationFolder("00000000ff"), "half"), "a file");
    const client = new Client({
        host: "127.0.0.1",
        port: server.port,
        user: "postgres",
        password: server.password,
        database: aside(ids[0]),
    });
    client.on("error", () => undefined);
    await client.connect();

    const ending = await replica.run("retire", replica.plan(ids[3], ids[3]));
    expect(ending.log).toContain(`generation ${ids[0]} stays`);
    expect(ending).toMatchObject({
        status: 0,
        sentence: expect.stringContaining(`Kept because in use: database ${ids[0]}`),
    });
    expect(await client.query("select count(*) from item")).toMatchObject({ rowCount: 1 });
    // Live, the newest former one, the one in use, and the one that was proven after the live one was switched to.
    expect(await databases()).toEqual(["shop", aside(ids[0]), aside(ids[1]), aside(ids[4])]);
    expect(readdirSync(join(volume, "generations")).sort()).toEqual(
        [ids[3], ids[4]].flatMap((id) => [id, `${id}.files.jsonl`, `${id}.json`]).sort(),
    );
    await client.end();
});

test("what was in use goes the next time, and roles that nobody needs go with it", async () => {
    expect(await replica.run("retire", replica.plan(ids[3], ids[3]))).toMatchObject({ status: 0 });
    expect(await databases()).toEqual(["shop", aside(ids[1]), aside(ids[4])]);
    const roles = await replica.server.query("postgres", "select rolname from pg_roles where oid >= 16384 order by 1");
    expect(roles.map(({ rolname }) => rolname)).toEqual([
        ...["reader_1", "reader_3", "reader_4", "shop", aside(ids[1]), aside(ids[3]), aside(ids[4])],
    ]);
    expect(existsSync(join(replica.folder, "volume", generationFolder("00000000ff")))).toBe(false);
});

test("no former one is kept where none is asked for", async () => {
    const plan = replica.plan(ids[3], ids[3], ({ database, media }) => {
        database.keepGenerations = 0;
        media.keepGenerations = 0;
    });
    expect(await replica.run("retire", plan)).toMatchObject({ status: 0 });
    expect(await databases()).toEqual(["shop", aside(ids[4])]);
    expect(readdirSync(join(replica.folder, "volume/generations")).sort()).toEqual(
        [ids[3], `${ids[3]}.files.jsonl`, `${ids[3]}.json`].sort(),
    );
});

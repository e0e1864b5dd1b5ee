import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generationMarker } from "../../contract";
import { sweep } from "../sweep";
import { aside, frame, ids, loginPassword, type Replica, stampBefore, startReplica } from "./replica";

let replica: Replica;
const [first, second, third] = ids;

beforeAll(async () => {
    replica = await startReplica({ max_prepared_transactions: "5" });
    for (const [at, id] of [first, second].entries()) {
        const rows = Array.from({ length: 200 }, (_, n) => `${n}\t${id}`).join("\n");
        replica.store(
            stampBefore(4000 - at),
            frame(
                `CREATE TABLE public.item (n integer, text text);\nALTER TABLE public.item OWNER TO shop;\n` +
                    `COPY public.item (n, text) FROM stdin;\n${rows}\n\\.\n`,
            ),
        );
        expect(await replica.run("prepare-database", replica.plan(id, first))).toMatchObject({ status: 0 });
    }
    expect(await replica.run("prepare-media", replica.plan(first, first))).toMatchObject({ status: 0 });
});
afterAll(() => replica?.stop());

/** The generation that the live database's content is of, read row by row. */
async function content(database = "shop"): Promise<string> {
    const rows = await replica.server.query(database, "select n, text from item order by n");
    return createHash("sha256").update(JSON.stringify(rows)).digest("hex");
}

function expected(id: string): string {
    const rows = Array.from({ length: 200 }, (_, n) => ({ n, text: id }));
    return createHash("sha256").update(JSON.stringify(rows)).digest("hex");
}

/** Live, former and proven generations as the records and the databases tell; they must agree. */
async function standing() {
    const records = await replica.server.query("postgres", "select id, state from understudy.generation order by id");
    const databases = await replica.server.query(
        "postgres",
        "select datname from pg_database where datname ~ '^shop' order by 1",
    );
    const logins = await replica.server.query(
        "postgres",
        "select rolname from pg_roles where rolname like 'shop\\_\\_%' and rolcanlogin",
    );
    return {
        states: Object.fromEntries(records.map(({ id, state }) => [id, state])),
        databases: databases.map(({ datname }) => datname),
        logins: logins.map(({ rolname }) => rolname),
    };
}

const live = (id: string, other: string, was = "former") => ({
    states: { [id]: "live", [other]: was },
    databases: ["shop", aside(other)],
    logins: [aside(id)],
});

test("the first generation becomes live, and doing it again changes nothing", async () => {
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({
        status: 0,
        sentence: expect.stringMatching(/is live, the first one; it was away for \d+ ms/),
    });
    expect(await standing()).toEqual(live(first, second, "proven"));
    const before = await replica.server.content();
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("live already: nothing to do"),
    });
    expect(await replica.server.content()).toBe(before);
});

test("the first generation is told to programs, and the other copies that are there", async () => {
    const { log } = await replica.run("switch", replica.plan(first, first));
    const [line = "{}"] = log.split("\n").filter((one) => one.startsWith('{"event":"live"'));
    expect(JSON.parse(line)).toMatchObject({ database: { id: first }, kept: [second] });
});

test("the first generation's login gets another password, as after a wipe, though it is live already", async () => {
    const file = join(replica.folder, "secrets/another");
    writeFileSync(file, "another-secret");
    const plan = replica.plan(first, first, ({ database }) => {
        database.loginPasswordFile = file;
    });
    const ask = (password: string) => replica.server.query("shop", "select 1 as one", { user: aside(first), password });
    expect(await replica.run("prepare-database", plan)).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("already there (live): nothing to do"),
    });
    const { status, sentence, log } = await replica.run("switch", plan);
    expect(status, log).toBe(0);
    expect(sentence).toContain("is live already: its login role has its new password");
    expect(log).not.toContain("another-secret");
    expect(await ask("another-secret")).toEqual([{ one: 1 }]);
    await expect(ask(loginPassword)).rejects.toThrow("password authentication failed");
    expect(await standing()).toEqual(live(first, second, "proven"));
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
    expect(await ask(loginPassword)).toEqual([{ one: 1 }]);
});

describe("refused", () => {
    sweep([
        ["a generation that nobody has made", third, first, "not restored and proven"],
        ["media that are not complete", second, third, "Generation 00000000cc of the media is not complete"],
    ])("%s", async (_, database, media, reason) => {
        const before = await replica.server.content();
        const ending = await replica.run("switch", replica.plan(database, media));
        expect(ending).toMatchObject({ status: 3, sentence: expect.stringContaining(reason) });
        expect(await replica.server.content()).toBe(before);
    });

    test("media whose marker does not say what it should", async () => {
        writeFileSync(join(replica.folder, "volume", generationMarker(third)), "{}");
        expect(await replica.run("switch", replica.plan(second, third))).toMatchObject({ status: 3 });
    });

    test("a generation that was left unfinished", async () => {
        await replica.server.query(
            "postgres",
            `update understudy.generation set state = 'preparing' where id = '${second}'`,
        );
        expect(await replica.run("switch", replica.plan(second, first))).toMatchObject({ status: 3 });
        await replica.server.query(
            "postgres",
            `update understudy.generation set state = 'proven' where id = '${second}'`,
        );
    });
});

/** A client that asks all the time, with the login of the generation that lets it in. */
async function busyClient(until: () => boolean) {
    const errors = new Set<string>();
    const answers: string[] = [];
    let at = 0;
    while (!until()) {
        const user = aside([first, second][at % 2] as string);
        const client = new Client({
            ...{ host: "127.0.0.1", port: replica.server.port, database: "shop", user, password: loginPassword },
        });
        let lost: { code?: string } | undefined;
        client.on("error", (error: Error & { code?: string }) => {
            lost ??= error;
        });
        try {
            await client.connect();
            while (!until()) {
                const { rows } = await client.query("select text, current_user as role from item limit 1");
                answers.push(rows[0].text);
                expect(rows[0].role).toBe("shop");
                // Whose login it is must be whose rows it sees.
                expect(user).toBe(aside(rows[0].text));
            }
        } catch (error) {
            const { code, message } = error as { code?: string; message: string };
            errors.add(lost?.code ?? code ?? message);
            at += 1;
        } finally {
            await client.end().catch(() => undefined);
        }
    }
    return { errors, answers };
}

test("eight clients that ask all the time see the old, then the new copy, and never a mixture", async () => {
    let done = false;
    const clients = Array.from({ length: 8 }, () => busyClient(() => done));
    await sleep(500);
    const ending = await replica.run("switch", replica.plan(second, first));
    expect(ending, ending.log).toMatchObject({ status: 0, sentence: expect.stringContaining(`in place of ${first}`) });
    await sleep(500);
    done = true;
    for (const { errors, answers } of await Promise.all(clients)) {
        const changes = answers.filter((answer, at) => answer !== answers[at - 1]);
        expect(changes).toEqual([first, second]);
        for (const error of errors) {
            // Ended by the switch, renamed while connecting, not the login of this generation.
            expect(["57P01", "3D000", "28000", "42501", "Connection terminated unexpectedly"]).toContain(error);
        }
    }
    expect(await standing()).toEqual(live(second, first));
    expect(await content()).toBe(expected(second));
    const [row] = await replica.server.query(
        "postgres",
        `select away_ms is not null and switched is not null as known from understudy.generation where state = 'live'`,
    );
    expect(row).toEqual({ known: true });
});

test("the former login has lost its way in, and has it again after a rollback", async () => {
    const login = { user: aside(first), password: loginPassword };
    for (const database of ["shop", aside(first)]) {
        await expect(replica.server.query(database, "select", login)).rejects.toThrow("not permitted to log in");
    }
    expect(await replica.run("prepare-database", replica.plan(first, first))).toMatchObject({
        status: 0,
        sentence: expect.stringContaining("already there (former): nothing to do"),
    });
    expect(await replica.run("switch", replica.plan(first, first))).toMatchObject({ status: 0 });
    expect(await standing()).toEqual(live(first, second));
    expect(await replica.server.query("shop", "select text from item limit 1", login)).toEqual([{ text: first }]);
});

test("a prepared transaction, which nobody can end, is named before anything is changed", async () => {
    await replica.server.query("shop", "begin; insert into item values (0, 'x'); prepare transaction 'left over'");
    const ending = await replica.run("switch", replica.plan(second, first));
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringContaining('"left over"') });
    await replica.server.query("shop", "rollback prepared 'left over'");
    expect(await standing()).toEqual(live(first, second));
});

test("a switch that is held up and then stopped leaves the former copy live", async () => {
    const client = new Client({
        ...{ host: "127.0.0.1", port: replica.server.port, user: "postgres", password: replica.server.password },
        ...{ database: "postgres" },
    });
    await client.connect();
    // Another transaction holds the live database's entry.
    await client.query("begin; alter database shop connection limit 50");
    const isHeldUp = async () => {
        // A transaction sees the same sessions until it asks for others.
        await client.query("select pg_stat_clear_snapshot()");
        const { rows } = await client.query("select from pg_stat_activity where wait_event_type = 'Lock'");
        return rows.length > 0;
    };
    const ending = await replica.run("switch", replica.plan(second, first), {
        started: async (child) => {
            while (child.exitCode === null && !(await isHeldUp())) {
                await sleep(50);
            }
            child.kill("SIGTERM");
        },
    });
    expect(ending).toMatchObject({ status: 1, sentence: expect.stringContaining("was stopped") });
    await client.query("rollback");
    await client.end();
    expect(await standing()).toEqual(live(first, second));
});

test("killed at any moment, exactly one copy is live and whole, and the next run goes on from there", async () => {
    let was = first as string;
    for (let round = 0; round < 16; round++) {
        const next = was === first ? second : first;
        // From before it connects to after it has ended: a run takes about 250 ms.
        const wait = 60 + ((round * 37) % 240);
        await replica.run("switch", replica.plan(next, first), {
            started: (child) => void sleep(wait).then(() => child.kill("SIGKILL")),
        });
        const found = await standing();
        const id = found.states[first] === "live" ? first : second;
        const other = id === first ? second : first;
        expect(found).toEqual(live(id, other));
        expect(await content()).toBe(expected(id));
        expect(await content(aside(other))).toBe(expected(other));

        const rerun = await replica.run("switch", replica.plan(next, first));
        expect(rerun, rerun.log).toMatchObject({ status: 0 });
        expect(await standing()).toEqual(live(next, was));
        was = next;
    }
});

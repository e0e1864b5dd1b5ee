import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Replica } from "../../test/postgres/replica";
import { binaries, type TestServer } from "../../test/postgres/server";
import { median, rounds, type Taken, taken } from "../measure";
import { idOf, planFor, prepared, removed } from "./copies";

/** One way to load a backup. `load` gets a name that is of this round alone. */
export interface Way {
    name: string;
    load(round: string): Promise<unknown>;
    /** Removes what a round has loaded. */
    clear(round: string): Promise<unknown>;
}

/** The files of the same backup that the ways begin with. */
export interface Backups {
    /** Plain with gzip, custom, and a directory. */
    backup: string;
    custom: string;
    directory: string;
}

/** Today's: what is unpacked goes into a file, and that into psql. */
export const unpackedFirst = "gunzip to a file, psql -f";
export const piped = "gunzip | psql";

/**
 * The ways that people use today, into an empty database.
 *
 * @param folder where a backup may be unpacked to
 */
export function formerWays(server: TestServer, { backup, custom, directory }: Backups, folder: string): Way[] {
    const way = (name: string, command: (database: string) => string): Way => ({
        name,
        async load(round) {
            await server.query("postgres", `create database ${round} owner shop`);
            await shell(server, command(round));
        },
        clear: (round) => server.query("postgres", `drop database ${round}`),
    });
    const unpacked = join(folder, "unpacked.sql");
    const psql = "psql -X -q -v ON_ERROR_STOP=1";
    return [
        way(
            unpackedFirst,
            (to) =>
                `gunzip -c '${backup}' > '${unpacked}' && ${psql} -f '${unpacked}' ${to} >/dev/null && rm '${unpacked}'`,
        ),
        way(piped, (to) => `gunzip -c '${backup}' | ${psql} ${to} >/dev/null`),
        way("pg_restore, custom", (to) => `pg_restore --dbname=${to} '${custom}'`),
        way("pg_restore -j2, directory", (to) => `pg_restore --jobs=2 --dbname=${to} '${directory}'`),
    ];
}

/** Ours, with every guard and proof: a generation is made and removed again. */
export function ownWay(replica: Replica, store: string, kind: string, stamp: string): Way {
    const id = (round: string) => idOf(`${kind}${round}`);
    return {
        name: `understudy, ${kind}`,
        load: (round) => prepared(replica, planFor(replica, store, id(round), stamp)),
        clear: (round) => removed(replica, id(round)),
    };
}

/** What each way has taken in each round, by its name; all of them are measured in turn. */
export async function timesOf(ways: Way[]): Promise<Map<string, Taken[]>> {
    const times = new Map<string, Taken[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
        for (const { name, load, clear } of ways) {
            const id = `round_${round}`;
            times.get(name)?.push(await taken(() => load(id)));
            await clear(id);
        }
    }
    return times;
}

/** The middle of the seconds that a way has taken. */
export function medianOf(times: Map<string, Taken[]>, name: string): number {
    return median((times.get(name) ?? []).map(({ seconds }) => seconds));
}

/** Runs a shell's line with PostgreSQL's own tools, as the superuser of a server. */
export function shell(server: TestServer, line: string): Promise<void> {
    const env = {
        PATH: `${binaries}:${process.env.PATH}`,
        PGHOST: "127.0.0.1",
        PGPORT: String(server.port),
        PGUSER: "postgres",
        PGPASSWORD: server.password,
    };
    const child = spawn("bash", ["-o", "pipefail", "-c", line], { env, stdio: ["ignore", "ignore", "inherit"] });
    return new Promise((resolve, reject) =>
        child.on("close", (status) => (status === 0 ? resolve() : reject(new Error(`${line}: status ${status}`)))),
    );
}

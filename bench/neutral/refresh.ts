import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../contract";
import type { TableRules } from "../../contract/masking";
import { databaseReport } from "../../contract/report";
import type { RewriteRule } from "../../contract/rewrite";
import { type Publisher, startPublisher } from "../../test/postgres/publisher";
import { type Replica, startReplica } from "../../test/postgres/replica";
import type { TestServer } from "../../test/postgres/server";
import { idOf, planFor, prepared, removed } from "../database/copies";
import { shell } from "../database/ways";
import { median, rounds, seconds, taken } from "../measure";

/** Rows with people's data. */
const people = 2_000_000;

/** What somebody writes who masks the same columns by hand. */
const byHand = `update person set email = md5(email) || '@replica.invalid', name = 'Person ' || id,
                       phone = '+999' || id, token = md5(token)`;

const rules: TableRules = { person: { email: "email", name: "name", phone: "phone", token: "hash" } };

/** What masking takes, and the whole neutral step within a refresh. With and without it, copies are made in turn. */
export async function tellOfRefresh(production: TestServer, rewrite: RewriteRule[]): Promise<void> {
    await production.query(
        "shop",
        `set role shop;
         create table person (id integer primary key, email text not null unique, name text not null, phone text not null,
                              token text not null);
         insert into person select n, 'person' || n || '@example.org', 'Name ' || md5(n::text), '+4144' || n, md5((n * 7)::text)
           from generate_series(1, ${people}) n;
         analyze person`,
    );
    const publisher = await startPublisher(production);
    // As servers that people use: everything is written through.
    const replica = await startReplica({ fsync: "on" });
    try {
        const plans = await plansFor(production, publisher, replica, rewrite);
        const [masking, hand, neutral, plain]: number[][] = [[], [], [], []];
        for (let round = 0; round < rounds; round++) {
            const [own, other] = [plans(`own ${round}`, true), plans(`not ${round}`, false)];
            neutral?.push((await taken(() => prepared(replica, own))).seconds);
            masking?.push(await maskedIn(replica, own));
            await removed(replica, own.database.generation);
            plain?.push((await taken(() => prepared(replica, other))).seconds);
            const update = `psql -X -q -c "${byHand}" shop__${other.database.generation}`;
            hand?.push(await seconds(() => shell(replica.server, update)));
            await removed(replica, other.database.generation);
        }
        const [mask, update, whole, without] = [masking, hand, neutral, plain].map((all) => median(all ?? []));
        console.log(
            `N1 masking ${people / 1e6} million rows of 4 columns: ${mask?.toFixed(1)} s, ` +
                `${((mask ?? 0) / (update ?? 1)).toFixed(2)} x one UPDATE by hand (1.1), with the proof that nothing is left`,
        );
        console.log(
            `N3 whole neutral step vs the refresh: ${(100 * (1 - (without ?? 0) / (whole ?? 1))).toFixed(0)} % (30); ` +
                `${whole?.toFixed(1)} s with it, ${without?.toFixed(1)} s without`,
        );
    } finally {
        await replica.stop();
        await publisher.stop();
    }
}

/** Publishes a backup, and gives plans of copies of it: those that are made neutral, by masking and by rewriting everything. */
async function plansFor(production: TestServer, publisher: Publisher, replica: Replica, rewrite: RewriteRule[]) {
    const [stem = ""] = await publisher.published((plan) => Object.assign(plan, { format: "directory" }));
    const stamp = stem.replace(/^backup-/, "").replace(/-shop$/, "");
    const tables = await production.query("shop", "select tablename from pg_tables where schemaname = 'public'");
    const keyFile = join(replica.folder, "secrets/masking");
    writeFileSync(keyFile, "a key");
    const kept = Object.fromEntries(tables.map(({ tablename }): [string, "keep"] => [String(tablename), "keep"]));
    const everything = { columns: "all" as const, except: [], empty: [], set: [], preserve: [] };
    return (round: string, isNeutral: boolean): Plan =>
        planFor(replica, publisher.store, idOf(round), stamp, (plan) => {
            if (isNeutral) {
                plan.masking = {
                    ...{ file: "masking.yaml", databases: { shop: { ...kept, ...rules } } },
                    ...{ keyFile, forbidden: [] },
                };
                plan.identity = { rewrite, databases: { shop: everything } };
            }
        });
}

/** Seconds that masking has taken in a copy, with what proves it. */
async function maskedIn({ server }: Replica, { database }: Plan): Promise<number> {
    const query = `select report from understudy.generation where id = '${database.generation}'`;
    const [row] = await server.query("postgres", query);
    return databaseReport.parse(row?.report).masked?.seconds ?? 0;
}

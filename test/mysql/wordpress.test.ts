import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Command } from "../../contract";
import { type MariaDb, startMariaDb } from "../../dev/mariadb";
import { installPackages } from "../../dev/packages";
import { wordpressPackages } from "../../dev/wordpress";
import { dump, ids, login, type MysqlReplica, stampBefore, startMysqlReplica } from "./replica";

const [generation] = ids;
const [host, ours] = ["shop.example.org", "shop.staging.example.net"];
const root = { user: "root", password: "" };

let production: MariaDb;
let replica: MysqlReplica;

beforeAll(async () => {
    await installPackages(wordpressPackages);
    [production, replica] = await Promise.all([startMariaDb(), startMysqlReplica()]);
    root.password = production.password;
    await production.query(undefined, "create database shop character set utf8mb4");
    await wordpress("install", production, root);
});
afterAll(() => Promise.all([production?.stop(), replica?.stop()]));

async function wordpress(command: "install" | "look", { port }: MariaDb, account: typeof root): Promise<string> {
    const { stdout } = await promisify(execFile)("php", [join(__dirname, "wordpress.php"), command], {
        env: {
            ...process.env,
            DB_SERVER: `127.0.0.1:${port}`,
            DB_USER: account.user,
            DB_PASSWORD: account.password,
            DB_NAME: "shop",
        },
        maxBuffer: 2 ** 24,
    });
    return stdout;
}

test("S4-02 a site of WordPress's is whole under its new address, as WordPress itself reads it", async () => {
    const before = await wordpress("look", production, root);
    expect(JSON.parse(before)).toMatchObject({ home: `https://${host}/blog/`, sessions: 1, unreadable: [] });

    replica.store(stampBefore(60), await dump(production));
    const plan = replica.plan(generation, generation, (plan) => {
        const sessions = {
            table: "wp_usermeta",
            columns: { meta_value: "" },
            where: "meta_key = 'session_tokens'",
        };
        plan.identity = {
            rewrite: [{ from: host, to: ours }],
            databases: { shop: { columns: "all", except: [], empty: [], set: [sessions], preserve: [] } },
        };
    });
    for (const command of ["prepare-database", "prepare-media", "switch"] satisfies Command[]) {
        const { status, log } = await replica.run(command, plan);
        expect(status, log).toBe(0);
    }

    const after = JSON.parse(await wordpress("look", replica.server, login));
    const expected = JSON.parse(before.replaceAll(host, ours));
    expected.sessions = 0;
    expected.stored["usermeta 1 session_tokens"] = "";
    expect(after).toEqual(expected);
    expect(after.login).toBe(`https://${ours}/blog ann@${ours}`);
});

test("as SQL's replace() does it, WordPress has lost its settings", async () => {
    for (const [table, column] of [
        ["wp_options", "option_value"],
        ["wp_postmeta", "meta_value"],
        ["wp_usermeta", "meta_value"],
    ]) {
        await production.query("shop", `update ${table} set ${column} = replace(${column}, '${host}', '${ours}')`);
    }
    const { unreadable, stored } = JSON.parse(await wordpress("look", production, root));
    expect(unreadable).toEqual([
        "options plugin_of_all_kinds",
        expect.stringMatching(/^postmeta \d+ _wp_attachment_metadata$/),
        "usermeta 1 dashboard",
    ]);
    // What it cannot read of its own it makes anew, without what was in it.
    expect(stored["options widget_text"]).not.toHaveProperty("2");
});

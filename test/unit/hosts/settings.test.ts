import { expect, test } from "vitest";
import { generationsOf } from "../../../components/hosts/generations";
import { removal } from "../../../components/hosts/host";
import { orderOf } from "../../../components/hosts/replica";
import { hostsOf, replicaHostsOf } from "../../../hosts/order";
import { replaces } from "../../../preflight/hosts";
import { hostPreviewRows } from "../../../preview/hosts";
import { type HostSettings, parseHosts } from "../../../settings/hosts";
import { plainSecrets } from "../../../settings/hosts/secrets";

const knownHosts = "db01.example.org ssh-ed25519 AAAAC3Nza";
const ssh = { host: "db01.example.org", user: "backup", knownHosts };

function written(change: Record<string, unknown> = {}): Record<string, unknown> {
    return {
        hosts: { production: { ssh }, staging: { ssh: { ...ssh, host: "db02.example.org" } } },
        source: { database: { host: "production" } },
        target: { host: "staging", login: { user: "shop_app", password: "a password" } },
        database: { name: "shop", owner: "shop" },
        ...change,
    };
}

const problemsOf = (change: Record<string, unknown>, others: Record<string, Record<string, unknown>> = {}) =>
    parseHosts(written(change), (stack) => others[stack]).problems;
const settingsOf = (change: Record<string, unknown> = {}, others: Record<string, Record<string, unknown>> = {}) => {
    const { settings, problems } = parseHosts(written(change), (stack) => others[stack]);
    expect(problems).toEqual([]);
    return settings as HostSettings;
};

test("a stack file that is as short as it can be", () => {
    const { database, services, stopTimeout, source } = settingsOf();
    expect(database.backup).toBe("now");
    expect(source.database.server).toEqual({ host: "/var/run/postgresql", port: 5432, user: "postgres" });
    expect([services, stopTimeout]).toEqual([[], 120]);
});

test("a stack file about MariaDB", () => {
    const { database, source } = settingsOf({ database: { engine: "mysql", name: "shop" } });
    expect(database.engine).toBe("mysql");
    expect(source.database.server).toEqual({ host: "/var/run/mysqld/mysqld.sock", port: 3306, user: "root" });
});

test("what is for the other engine is told, each with what to write", () => {
    const database = { engine: "mysql", name: "mysql", owner: "shop", dump: "server", keepBase: true, amcheck: true };
    const source = {
        database: { host: "production", excludeTableData: ["log"] },
        systemIdentifier: "7012345678901234567",
    };
    expect(problemsOf({ database, source })).toEqual([
        ...["owner", "dump", "keepBase", "amcheck"].map(
            (key) => `database.${key} is for PostgreSQL alone: leave it out`,
        ),
        "source.database.excludeTableData is for PostgreSQL alone: leave it out",
        expect.stringMatching(/^database\.name is mysql: write one of the application's databases/),
        expect.stringMatching(/^source\.systemIdentifier is of PostgreSQL: write source\.serverId/),
    ]);
    expect(problemsOf({ database: { name: "shop" } })).toEqual([
        "database.owner is missing: write the role that owns the database",
    ]);
});

test("MySQL's account may be called as the database is", () => {
    const target = { host: "elsewhere", login: { user: "shop", password: "a password" } };
    expect(problemsOf({ database: { engine: "mysql", name: "shop" }, target })).not.toContainEqual(
        expect.stringContaining("owner"),
    );
});

test("a chain is of one engine", () => {
    const stage = { hosts: {}, database: { engine: "mysql", name: "shop" }, target: { host: "elsewhere" } };
    expect(problemsOf({ source: { stack: "stage" } }, { stage })).toContain(
        'source.stack is "stage", whose database.engine is mysql: write mysql here as well',
    );
});

test.each([
    [
        { target: { host: "production", login: { user: "a", password: "a password" } } },
        "whose server is production's own",
    ],
    [
        { target: { host: "elsewhere", login: { user: "a", password: "a password" } } },
        'target.host is "elsewhere", which is no host',
    ],
    [{ source: {} }, "source.database is missing"],
    [{ source: { stack: "stage" } }, 'source.stack is "stage", of which there is no stack file'],
    [
        { source: { stack: "stage", database: { host: "production" } } },
        "source.stack and source.database are both written",
    ],
    [{ database: { name: "shop", owner: "shop", backup: "latest" } }, "nobody says where dumps are"],
    [
        { source: { database: { host: "production", files: "/backups/{database}.sql" } } },
        "source.database.files is written, but database.backup is now",
    ],
    [
        { source: { database: { host: "production", files: "/backups/shop.sql" } } },
        "write {database} into the file's name",
    ],
    [
        {
            source: { database: { host: "production", command: "/usr/bin/dump" } },
            database: { name: "shop", owner: "shop", dump: "server" },
        },
        "database.dump is server, but source.database.command and files are about each database alone",
    ],
    [
        { source: { database: { host: "production", command: "/usr/bin/dump", excludeTableData: ["session"] } } },
        "source.database.excludeTableData is for pg_dump of a database alone",
    ],
    [{ media: { mode: "share-read-only" } }, "source.media is missing"],
    [{ media: { group: 33 }, source: { database: { host: "production" }, media: "/srv" } }, "target.media is missing"],
    [{ services: [{ unit: "httpd" }] }, "write the host that it runs on"],
    [
        { services: [{ host: "staging", unit: "httpd", commands: { running: "a", stop: "b", start: "c" } }] },
        "write one of unit",
    ],
    [
        {
            services: [
                { host: "staging", unit: "httpd" },
                { host: "staging", unit: "httpd" },
            ],
        },
        "services holds httpd a second time",
    ],
    [{ hosts: { production: { local: true, ssh } } }, "write one of ssh"],
    [
        { hosts: { production: { ssh: { ...ssh, jump: "a" } }, staging: { ssh } } },
        'hosts.production.ssh.jump is "a", which is no host',
    ],
    [
        {
            hosts: {
                production: { ssh: { ...ssh, jump: "staging" } },
                staging: { ssh: { ...ssh, jump: "production" } },
            },
        },
        "leads in a circle",
    ],
    [
        { hosts: { production: { ssh: { ...ssh, key: "secret" } }, staging: { ssh } } },
        "write a private key as ssh-keygen makes it",
    ],
    [
        { hooks: { secrets: { token: { secret: "oauth", key: "id" } }, afterRestore: [{ sql: "select 1" }] } },
        "secrets.oauth.id is missing",
    ],
    [{ parity: { source: { tag: "1" }, target: { host: "staging" } } }, "write one of file, command, tag or branch"],
    [
        { parity: { source: { tag: "1" }, target: { command: "id" } } },
        "write the host that the file or the command is on",
    ],
    ...["db01.example.org", "db01.example.org:0", "db01.example.org:65536", "DB01:1", "2001:db8::1:5432", "a b:1"].map(
        (address): [Record<string, unknown>, string] => [
            { isolation: { unreachable: [address] } },
            "isolation.unreachable.0",
        ],
    ),
    [{ database: { name: "shop", owner: "shop_app" } }, "write another owner, such as shop_app_owner"],
    [
        { notices: { command: { host: "mailhost", command: "mail" } } },
        'notices.command.host is "mailhost", which is no host',
    ],
    [{ notices: { secret: "chat" } }, "notices.secret is not a setting"],
    [{ notices: {} }, "notices has nobody who could be told: write notices.url or notices.command"],
    [{ lifecycle: { action: "suspend" } }, 'lifecycle.action is "suspend": write flag or wipe'],
    [{ colour: "blue" }, "colour is not a setting"],
])("%j is refused", (change, sentence) => {
    expect(problemsOf(change).join("\n")).toContain(sentence);
});

test("a secret is never part of a problem", () => {
    const hosts = { production: { ssh: { ...ssh, key: "planted-key" } }, staging: { ssh } };
    expect(problemsOf({ hosts }).join("\n")).not.toContain("planted-key");
});

test("secrets in plain are named, encrypted ones are not", () => {
    const settings = settingsOf({ secrets: { oauth: { id: "planted" } } });
    const raw = { target: { login: { password: "a password" } }, secrets: { oauth: { id: { secure: "v1:…" } } } };
    expect(plainSecrets(settings, raw)).toEqual([
        "target.login.password is in plain: pulumi config set --secret --path target.login.password",
    ]);
    expect(plainSecrets(settings, { target: { secure: "v1:…" } })).toEqual([]);
    const daily = { bucket: "dumps", credentials: { accessKeyId: "keeper", secretAccessKey: "planted" } };
    const uploading = settingsOf({ buckets: { uploads: { daily } } });
    expect(plainSecrets(uploading, { buckets: { uploads: { daily } } })).toEqual([
        expect.stringMatching(/^buckets\.uploads\.daily\.credentials\.secretAccessKey is in plain/),
    ]);
});

test("an update takes copies away where another database, or another folder, is asked for than is live", () => {
    const copied = { name: "files", from: "/srv/files", to: "/srv/stage", group: 33 };
    const settings = settingsOf({ folders: [copied] });
    const { database, folders } = generationsOf(settings);
    const live = { database, folders: Object.values(folders) };
    expect(replaces(settings, { live, problems: [] })).toBe(false);
    expect(replaces(settings, { live: { ...live, folders: ["00000000aa"] }, problems: [] })).toBe(true);
    expect(replaces(settings, { live: { ...live, database: "00000000aa" }, problems: [] })).toBe(true);
});

const stage = { hosts: {}, target: { host: "staging", server: { port: 5433, password: { secure: "v1:…" } } } };

test("another replica as the source", () => {
    const target = {
        host: "staging",
        server: { port: 5433, password: "known" },
        login: { user: "dev_app", password: "a password" },
    };
    const database = { name: "dev", owner: "dev", production: { name: "shop", owner: "shop" } };
    const { source } = settingsOf({ source: { stack: "stage" }, target, database }, { stage });
    expect(source.database).toEqual({
        host: "staging",
        server: { host: "/var/run/postgresql", port: 5433, user: "postgres", password: "known" },
        excludeTableData: [],
        replica: true,
    });
    expect(problemsOf({ source: { stack: "stage" }, target }, { stage }).join()).toContain(
        'database.name is "shop", which is the database of stack stage on the same server',
    );
});

test("a copy has another name exactly when something else shapes it", () => {
    const { database, media } = generationsOf(settingsOf());
    const same = { services: [{ host: "staging", unit: "httpd" }], stopTimeout: "5m", keepFailed: true };
    expect(generationsOf(settingsOf(same))).toEqual({ database, media, folders: {} });
    for (const other of [
        { database: { name: "shop", owner: "shop", refresh: "2" } },
        { source: { database: { host: "production", excludeTableData: ["session"] } } },
        { source: { database: { host: "production", command: "/usr/bin/dump" } } },
        { identity: { rewrite: [{ from: "shop.example.org", to: "staging.example.org" }] } },
    ]) {
        expect(generationsOf(settingsOf(other)).database, JSON.stringify(other)).not.toBe(database);
        expect(generationsOf(settingsOf(other)).media).toBe(media);
    }
});

test("a wipe needs a shell and ssh, and finds what it needs in its environment", () => {
    const order = orderOf({ stack: "understudy/staging", settings: settingsOf(), program: "" }, "");
    const script = removal(order, "staging", true);
    expect(script).toContain(`ssh -F "$folder/config" staging`);
    expect(script).toContain("/var/lib/understudy/understudy-staging/agent.cjs wipe");
    expect(script).toContain('printf %s "$UNDERSTUDY_SSH_CONFIG"');
    expect(script).not.toContain("BEGIN");
    expect(removal(order, "production", false)).not.toContain("wipe");
});

test("the replica's machines try to reach what they must not, and production's do not", () => {
    const unreachable = ["db01.example.org:5432", "10.1.2.3:5432", "[2001:db8::1]:5432"];
    const hosts = { ...(written().hosts as object), web: { ssh }, files: { ssh } };
    const settings = settingsOf({
        hosts,
        isolation: { unreachable },
        source: { database: { host: "production" }, media: { host: "files", folder: "/srv/media" } },
        target: { host: "staging", media: "/srv/copies", login: { user: "shop_app", password: "a password" } },
        media: { mode: "copy", group: 33 },
        services: [{ host: "web", unit: "httpd" }],
    });
    const order = orderOf({ stack: "understudy/staging", settings, program: "" }, "");
    expect(order.unreachable).toEqual(unreachable);
    expect(replicaHostsOf(order)).toEqual(["staging", "web"]);
    expect(hostsOf(order)).toEqual(["staging", "production", "files", "web"]);
});

test("a preview tells what comes, what goes and what stands still", () => {
    const services = [{ host: "staging", unit: "httpd" }];
    const rows = hostPreviewRows(settingsOf({ services }), {
        problems: [],
        parity: { source: "1.2", target: "1.2", same: true },
        isolation: [
            { host: "staging", address: "db01.example.org:5432", found: "closed" },
            { host: "web", address: "db01.example.org:5432", found: "untried" },
        ],
    });
    expect(rows).toEqual([
        ["database", "shop on staging: dumped on production now"],
        ["stopped meanwhile", "httpd on staging"],
        ["version", "1.2 on both sides"],
        [
            "unreachable",
            "db01.example.org:5432 from staging; db01.example.org:5432 not yet tried, for want of Node, from web",
        ],
    ]);
});

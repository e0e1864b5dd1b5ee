import { expect, test } from "vitest";
import { patternOf } from "../../../agent/transfer/files";
import { connectionProblem, sshFiles } from "../../../hosts/ssh";
import { quoted } from "../../../hosts/way";
import { hosts as schema } from "../../../settings/hosts/reach";

const knownHosts = "db01.example.org,10.0.0.1 ssh-ed25519 AAAAC3Nza";
const ssh = { host: "db01.example.org", user: "backup", knownHosts };
const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----";

test("ssh is told of the hosts and of nothing else", () => {
    const hosts = schema.parse({
        production: { ssh: { ...ssh, key, jump: "bastion" } },
        bastion: { ssh: { ...ssh, host: "bastion.example.org", port: 2222 } },
        here: { local: true },
    });
    const files = sshFiles(hosts);
    expect(Object.keys(files).sort()).toEqual(["bastion.known", "config", "production.key", "production.known"]);
    expect(files["production.known"]).toBe("db01.example.org ssh-ed25519 AAAAC3Nza\n");
    expect(files["production.key"]).toBe(`${key}\n`);
    expect(files.config).toContain("StrictHostKeyChecking yes");
    expect(files.config).toContain('ProxyCommand ssh -F "@HERE@/config" -W %h:%p bastion');
    expect(files.config).toMatch(/Host bastion\n {4}HostName bastion\.example\.org\n {4}Port 2222\n/);
    expect(files.config).not.toContain("Host here");
    expect(files.config).not.toContain("abc");
});

test("a certificate authority stays one", () => {
    const hosts = schema.parse({
        db: { ssh: { ...ssh, knownHosts: "@cert-authority *.example.org ssh-ed25519 AAAA" } },
    });
    expect(sshFiles(hosts)["db.known"]).toBe("@cert-authority db01.example.org ssh-ed25519 AAAA\n");
});

test.each([
    ["Host key verification failed.", "shows another key"],
    ["backup@db01: Permission denied (publickey).", "does not take the key"],
    ["ssh: connect to host db01 port 22: Connection timed out", "cannot be reached"],
    ["ssh: Could not resolve hostname db01: Name or service not known", "cannot be reached"],
])("%s", (said, expected) => {
    expect(connectionProblem("db", said)).toContain(expected);
});

test("what a program says by itself is not about the connection", () => {
    expect(connectionProblem("db", "pg_dump: error: query failed")).toBeUndefined();
});

test.each([
    ["{database}-{stamp}.dump", "shop-2026-11-20.dump.xz", "2026-11-20"],
    ["{database}-{stamp}.dump", "shop-2026-11-20.dump", "2026-11-20"],
    ["{database}.db01.{stamp}.dump", "shop.db01.20261120T020401Z.dump", "20261120T020401Z"],
    ["{database}-nightly-backup.dmp", "shop-nightly-backup.dmp.gz", undefined],
])("%s takes %s", (pattern, name, stamp) => {
    expect(patternOf(pattern, "shop").exec(name)?.groups?.stamp).toBe(stamp);
    expect(patternOf(pattern, "shop").test(name)).toBe(true);
});

test.each([
    "workshop-2026-11-20.dump",
    "shop-2026-11-20.dump.part",
    "shop_old-2026-11-20.dump",
    "shopX2026-11-20.dump",
])("%s is another database's, or not complete", (name) => {
    expect(patternOf("{database}-{stamp}.dump", "shop").test(name)).toBe(false);
});

test("a word for the shell is one word", () => {
    expect(quoted("/var/lib/understudy")).toBe("/var/lib/understudy");
    expect(quoted("a b'c;$(id)")).toBe(`'a b'\\''c;$(id)'`);
});

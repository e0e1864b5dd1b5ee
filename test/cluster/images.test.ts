import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildImage, loadImages, nodeImage, postgresImage } from "../../dev/cluster/images";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { layoutOf } from "../../dev/cluster/layout";
import { run } from "../../dev/command";
import { apply, kubectl, pod, ready } from "./pods";

let cluster: Cluster;
const folder = mkdtempSync(join(tmpdir(), "understudy-images-"));

beforeAll(async () => {
    cluster = await startCluster("images", { fresh: true });
    await loadImages(cluster, [await buildImage(postgresImage()), await buildImage(await nodeImage())]);
});

afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true });
});

/** A database as its pods usually run: no root, a root file system that is read-only, scratch folders of its own. */
function database(name: string, env: Record<string, string>): object {
    const writable = { data: "/var/lib/postgresql/data", run: "/var/run/postgresql", tmp: "/tmp" };
    const volumes: object[] = Object.keys(writable).map((volume) => ({ name: volume, emptyDir: {} }));
    volumes.push({ name: "init", configMap: { name: "init" } }, { name: "secret", secret: { secretName: "secret" } });
    const mounts = Object.entries(writable).map(([volume, mountPath]) => ({ name: volume, mountPath }));
    mounts.push({ name: "init", mountPath: "/docker-entrypoint-initdb.d" }, { name: "secret", mountPath: "/secret" });
    const readinessProbe = { exec: { command: ["pg_isready", "--host=127.0.0.1"] }, periodSeconds: 1 };
    const securityContext = {
        runAsUser: 999,
        runAsGroup: 999,
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
    };
    const container = {
        image: "postgres:15-bookworm",
        env: Object.entries({ PGDATA: "/var/lib/postgresql/data/main", ...env }).map(([key, value]) => ({
            name: key,
            value,
        })),
        volumeMounts: mounts,
        readinessProbe,
        securityContext,
    };
    return pod(name, container, { volumes, securityContext: { fsGroup: 999 } });
}

/** Runs SQL over the network with the password, so that the server's rules for clients apply. */
async function query(name: string, user: string, base: string, sql: string): Promise<string> {
    const address = `host=$(hostname --ip-address) user=${user} dbname=${base} password=open-sesame`;
    const command = `psql --no-psqlrc --tuples-only --no-align --command="${sql}" "${address}"`;
    return (await kubectl(cluster, ["exec", name, "--", "sh", "-c", command])).trim();
}

test("the database image keeps the official one's contract under restricted security", async () => {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    const init = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "init" },
        data: {
            "1-table.sql": "CREATE TABLE fruit (name text); INSERT INTO fruit VALUES ('apple');",
            "2-more.sh": `psql --command="INSERT INTO fruit VALUES ('pear')" "$POSTGRES_DB"`,
        },
    };
    const secret = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "secret" },
        stringData: { word: "open-sesame" },
    };
    const env = { POSTGRES_USER: "gardener", POSTGRES_DB: "orchard", POSTGRES_PASSWORD_FILE: "/secret/word" };
    await kubectl(cluster, ["label", "namespace", "default", ...Object.entries(labels).map(([k, v]) => `${k}=${v}`)]);
    await apply(cluster, init, secret, database("database", env));
    await ready(cluster, "database");

    expect(
        await query("database", "gardener", "orchard", "SELECT string_agg(name, ' ' ORDER BY name) FROM fruit"),
    ).toBe("apple pear");
    expect(await query("database", "gardener", "orchard", "SELECT datcollate FROM pg_database LIMIT 1")).toBe(
        "en_US.utf8",
    );
    expect(await query("database", "gardener", "orchard", "SHOW data_directory")).toBe("/var/lib/postgresql/data/main");
    const version = await kubectl(cluster, [
        "exec",
        "database",
        "--",
        "/usr/lib/postgresql/15/bin/pg_restore",
        "--version",
    ]);
    expect(version).toMatch(/ 15\.\d+ /);
    const wrong = kubectl(cluster, [
        "exec",
        "database",
        "--",
        "sh",
        "-c",
        'psql "host=$(hostname --ip-address) user=gardener dbname=orchard password=wrong"',
    ]);
    await expect(wrong).rejects.toThrow(/password authentication failed/);
});

test("what the first start made is found by the next, and its scripts do not run again", async () => {
    await kubectl(cluster, ["exec", "database", "--", "sh", "-c", "kill -INT 1"]);
    await kubectl(cluster, [
        "wait",
        "pod/database",
        "--for=jsonpath={.status.containerStatuses[0].restartCount}=1",
        "--timeout=600s",
    ]);
    await ready(cluster, "database");
    expect(await query("database", "gardener", "orchard", "SELECT count(*) FROM fruit")).toBe("2");
});

test("the database refuses to be made without a password, in one sentence", async () => {
    await apply(cluster, database("open", {}));
    await kubectl(cluster, [
        "wait",
        "pod/open",
        "--for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=1",
        "--timeout=600s",
    ]);
    expect(await kubectl(cluster, ["logs", "open"])).toContain("set POSTGRES_PASSWORD");
    await kubectl(cluster, ["delete", "pod", "open"]);
});

test("started as root, the server becomes its own user, and any other command is run as it is", async () => {
    await kubectl(cluster, ["label", "namespace", "default", "pod-security.kubernetes.io/enforce-"]);
    const image = "postgres:15-bookworm";
    const env = [{ name: "POSTGRES_PASSWORD", value: "open-sesame" }];
    const readinessProbe = { exec: { command: ["pg_isready", "--host=127.0.0.1"] }, periodSeconds: 1 };
    await apply(cluster, pod("root", { image, env, readinessProbe }));
    await ready(cluster, "root");
    expect(await query("root", "postgres", "postgres", "SELECT 'in'")).toBe("in");
    const owner = ["exec", "root", "--", "stat", "--format=%u:%g", "/proc/1", "/var/lib/postgresql/data/PG_VERSION"];
    expect(await kubectl(cluster, owner)).toBe("999:999\n999:999\n");

    const other = [
        "run",
        "other",
        `--image=${image}`,
        "--restart=Never",
        "--attach",
        "--quiet",
        "--",
        "pg_dump",
        "--version",
    ];
    expect(await kubectl(cluster, other)).toMatch(/^pg_dump \(PostgreSQL\) 15\./);
});

test("the Node image runs Node 20 by its entrypoint, and knows its user", async () => {
    const args = ["--print", "process.version + process.getuid()"];
    const securityContext = { runAsUser: 1000, runAsNonRoot: true };
    await apply(
        cluster,
        pod("node", { image: "node:20-bookworm-slim", args, securityContext }, { restartPolicy: "Never" }),
    );
    await kubectl(cluster, ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/node", "--timeout=600s"]);
    expect(await kubectl(cluster, ["logs", "node"])).toMatch(/^v20\.\d+\.\d+1000\n$/);
});

test("an image of one's own has its files, packages and index, and lacks what was removed", async () => {
    mkdirSync(join(folder, "site"));
    writeFileSync(join(folder, "site", "page"), "first");
    const spec = {
        tags: ["understudy-test/site:1"],
        base: await nodeImage(),
        files: [
            { path: "/srv/site", from: join(folder, "site") },
            { path: "/srv/start", content: "#!/bin/sh\ncat page\n", mode: 0o755 },
        ],
        packages: ["tree"],
        commands: ["rm -r /home/node", "rm /usr/local/bin/nodejs"],
        keepIndex: true,
        user: "1000:1000",
        env: { COLOUR: "green" },
        entrypoint: ["/srv/start"],
        workdir: "/srv/site",
    };
    const archive = await buildImage(spec);
    expect(await buildImage(spec)).toBe(archive);
    await loadImages(cluster, [archive]);
    await apply(cluster, pod("site", { image: "understudy-test/site:1" }, { restartPolicy: "Never" }));
    await kubectl(cluster, ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/site", "--timeout=600s"]);
    expect(await kubectl(cluster, ["logs", "site"])).toBe("first");

    const look = `id -u; echo $COLOUR; command -v tree; zcat /usr/share/debian-packages.gz | grep -c ^Package:
        ls -d /home/node /usr/local/bin/nodejs /var/lib/apt/lists/*; true`;
    const command = ["sh", "-c", look];
    await apply(cluster, pod("look", { image: "understudy-test/site:1", command }, { restartPolicy: "Never" }));
    await kubectl(cluster, ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/look", "--timeout=600s"]);
    const [uid, colour, tree, packages, ...rest] = (await kubectl(cluster, ["logs", "look"])).trim().split("\n");
    expect([uid, colour, tree]).toEqual(["1000", "green", "/usr/bin/tree"]);
    expect(Number(packages)).toBeGreaterThan(50_000);
    expect(rest).toHaveLength(3);
    expect(rest.every((line) => line.includes("No such file"))).toBe(true);

    writeFileSync(join(folder, "site", "page"), "second");
    const changed = await buildImage(spec);
    expect(changed).not.toBe(archive);
    await loadImages(cluster, [changed]);
    await apply(cluster, pod("changed", { image: "understudy-test/site:1" }, { restartPolicy: "Never" }));
    await kubectl(cluster, ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/changed", "--timeout=600s"]);
    expect(await kubectl(cluster, ["logs", "changed"])).toBe("second");
});

test("an image that is there is not loaded again; one that was lost is", async () => {
    const { socket } = layoutOf("images");
    const ctr = (...args: string[]) => run("ctr", ["--address", socket, "--namespace", "k8s.io", "images", ...args]);
    const archive = join(folder, "node.tar");
    copyFileSync(await buildImage(await nodeImage()), archive);
    await loadImages(cluster, [archive]);
    const [name = ""] = /\S*node:20-bookworm-slim/.exec(await ctr("list", "--quiet")) ?? [];

    renameSync(archive, `${archive}.away`);
    await loadImages(cluster, [archive]);
    await ctr("remove", "--sync", name);
    await expect(loadImages(cluster, [archive])).rejects.toThrow("no such file");

    renameSync(`${archive}.away`, archive);
    await loadImages(cluster, [archive]);
    expect(await ctr("list", "--quiet")).toContain(name);
});

/** The stage of scenarios on hosts: production's machine, the replica's, one with the application, and two servers. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import yaml from "js-yaml";
import { markerSql } from "../../contract";
import { run } from "../../dev/command";
import { described, type Ended, forgetWorkspace, openWorkspace, understudy, type Workspace } from "../../dev/workspace";
import { loopback, type Network } from "../network";
import { binaries, freePort, startServer, type TestServer } from "../postgres/server";
import { changed } from "../scenario/stage";
import { type Keys, type Machine, makeKeys, startMachine } from "./machine";

type Config = Record<string, unknown>;

export interface HostStage {
    root: string;
    /** Folder with the project's files and the state. */
    folder: string;
    keys: Keys;
    machines: { production: Machine; target: Machine; application: Machine };
    production: TestServer;
    replica: TestServer;
    /** Name of the stack. */
    stack: string;
    /** Runs a command of the command line with the stack file, changed as given: `{"database.refresh": "2"}`; as it is, if left out. */
    run(command: string, changes?: Config, ...args: string[]): Promise<Ended>;
    /** Runs an update of another stack, whose stack file is changed as given. */
    chained(name: string, changes: Config): Promise<Ended>;
    /** The same, killed at once with all its processes as soon as it prints something like this, or when asked. */
    killed(command: string, changes: Config, when: Promise<unknown>): Promise<Ended>;
    /** Starts the service as an administrator does. */
    startService(environment?: Record<string, string>): void;
    /** Processes of the service, whoever has started them. */
    services(): number[];
    /** What the service's page says. */
    page(): Promise<string>;
    /** Waits until it says this. */
    serves(text: string): Promise<void>;
    /** Process of the service; undefined if it does not run. */
    service(): number | undefined;
    stop(): Promise<void>;
}

/** Password that the application logs in with, and which is found nowhere. */
export const loginPassword = "planted-login-7c1e";

/** The stack file with secrets encrypted, as people do it. */
export async function encrypted({ engine, env, folder }: Workspace, stack: string, secrets: Record<string, string>) {
    const pulumi = (...args: string[]) => run(engine.command, args, { cwd: folder, env });
    await pulumi("stack", "select", "--create", stack);
    const values = Object.entries(secrets).flatMap(([path, text]) => ["--secret", `understudy:${path}=${text}`]);
    await pulumi("config", "set-all", "--stack", stack, "--path", ...values);
    return readFile(join(folder, `Pulumi.${stack}.yaml`), "utf8");
}

/**
 * Brings everything up: production with some rows, and an empty server that is marked as the stack's.
 *
 * @param more settings that are encrypted, by their paths
 * @param besides settings with their whole keys
 * @param network where each machine has an address of its own; all are on loopback if left out
 */
export async function openHostStage(
    stack: string,
    more: Record<string, string> = {},
    besides: Config = {},
    network?: Network,
): Promise<HostStage> {
    const root = await mkdtemp(join(tmpdir(), "understudy-hosts-"));
    const keys = await makeKeys(root);
    const start = async (name: string) => startMachine(root, name, keys, (await network?.join()) ?? loopback);
    const machines = {
        production: await start("production"),
        target: await start("target"),
        application: await start("application"),
    };
    const [production, replica] = (await Promise.all(
        [machines.production, machines.target].map(({ place }) => startServer({}, tmpdir(), binaries, place)),
    )) as [TestServer, TestServer];
    const { place } = machines.application;
    await production.query("postgres", "create role shop login password 'production'");
    await production.query("postgres", "create database shop owner shop");
    await production.query(
        "shop",
        "set role shop; create table item (id serial primary key, name text); insert into item (name) select 'item ' || i from generate_series(1, 500) i",
    );
    await replica.query("postgres", markerSql(`understudy/${stack}`));
    const pagePort = await freePort();
    const pidFile = join(machines.application.folder, "service.pid");
    const environment =
        `PG_MODULE=${require.resolve("pg")} HOST=${place.address} PORT=${pagePort} ` +
        `DATABASE=postgresql://shop_app:${loginPassword}@${machines.target.place.address}:${replica.port}/shop`;
    writeFileSync(
        join(machines.application.folder, "start"),
        `#!/bin/sh\ncd /\n${environment} setsid ${process.execPath} ${join(__dirname, "service.cjs")} </dev/null >/dev/null 2>&1 &\necho $! > ${pidFile}\n`,
        { mode: 0o700 },
    );
    const settings: Config = {
        "understudy:hosts": {
            production: machines.production.reach,
            target: machines.target.reach,
            application: machines.application.reach,
        },
        "understudy:source": {
            database: {
                host: "production",
                server: { host: "127.0.0.1", port: production.port, password: production.password },
            },
        },
        "understudy:target": {
            host: "target",
            server: { host: "127.0.0.1", port: replica.port, password: replica.password },
            login: { user: "shop_app", password: loginPassword },
            page: `http://${place.address}:${pagePort}/`,
        },
        "understudy:database": { name: "shop", owner: "shop" },
        "understudy:services": [
            {
                host: "application",
                name: "web",
                commands: {
                    running: `test -f ${pidFile} && kill -0 $(cat ${pidFile})`,
                    stop: `kill $(cat ${pidFile})`,
                    start: join(machines.application.folder, "start"),
                },
            },
        ],
        ...besides,
    };
    await forgetWorkspace(stack);
    const open = (text: string) => openWorkspace(stack, { kubeconfig: "/dev/null" }, { [stack]: text }, ["command"]);
    const whole = await encrypted(await open(yaml.dump({ config: settings })), stack, {
        ...Object.fromEntries(Object.keys(machines).map((name) => [`hosts.${name}.ssh.key`, keys.good])),
        "source.database.server.password": production.password,
        "target.server.password": replica.password,
        "target.login.password": loginPassword,
        ...more,
    });
    const workspaceWith = (changes: Config) => {
        const { config } = yaml.load(changed(whole, changes)) as object & { config: Config };
        return open(yaml.dump({ ...(yaml.load(whole) as object), config }));
    };
    console.error(`Scenarios on hosts run on ${described(await workspaceWith({}))}.`);
    const page = async () => {
        const answer = await fetch(`http://${place.address}:${pagePort}/`).catch(() => undefined);
        return answer === undefined ? "nothing" : answer.text();
    };
    const service = () => {
        try {
            const pid = Number(readFileSync(pidFile, "utf8"));
            process.kill(pid, 0);
            return pid;
        } catch {
            return undefined;
        }
    };
    // As the last command has left it.
    const present = () => openWorkspace(stack, { kubeconfig: "/dev/null" }, {}, ["command"]);
    const { folder } = await workspaceWith({});
    return {
        root,
        folder: dirname(folder),
        keys,
        machines,
        production,
        replica,
        stack,
        run: async (command, changes, ...args) =>
            understudy(changes === undefined ? await present() : await workspaceWith(changes), [
                command,
                stack,
                ...args,
            ]),
        async chained(name, changes) {
            const { config } = yaml.load(changed(whole, changes)) as { config: Config };
            const text = yaml.dump({ ...(yaml.load(whole) as object), config });
            const workspace = await openWorkspace(stack, { kubeconfig: "/dev/null" }, { [name]: text }, ["command"]);
            return understudy(workspace, ["up", name]);
        },
        async killed(command, changes, when) {
            const workspace = await workspaceWith(changes);
            const stop = new AbortController();
            void when.then(() => stop.abort("SIGKILL"));
            return understudy(workspace, [command, stack], { stop: stop.signal });
        },
        startService(environment = {}) {
            const [program = "", ...args] = [...place.enter, join(machines.application.folder, "start")];
            execFileSync(program, args, { env: { ...process.env, ...environment } });
        },
        services: () =>
            execFileSync("pgrep", ["-f", join(__dirname, "service.cjs")], { encoding: "utf8" })
                .trim()
                .split("\n")
                .map(Number),
        page,
        async serves(text) {
            for (let left = 100; left > 0 && (await page()) !== text; left--) {
                await sleep(100);
            }
            if ((await page()) !== text) {
                throw new Error(`the page says ${await page()}, and not ${text}`);
            }
        },
        service,
        async stop() {
            const pid = service();
            if (pid !== undefined) {
                process.kill(pid, "SIGKILL");
            }
            await Promise.all(Object.values(machines).map((machine) => machine.kill()));
            await Promise.all([production.stop(), replica.stop()]);
            rmSync(root, { recursive: true, force: true });
        },
    };
}

/** The stage that every scenario plays on: one cluster, the demo's production, and a stack file that steps change. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { CoreV1Api, KubeConfig, V1Pod } from "@kubernetes/client-node";
import yaml from "js-yaml";
import { deployProduction, replicateMedia, takeBackup } from "../../demo/production";
import { type Cluster, startCluster } from "../../dev/cluster/index";
import { provideImages } from "../../dev/images";
import { described, type Ended, openWorkspace, understudy, type Workspace } from "../../dev/workspace";
import { lane } from "./lane";

type Config = Record<string, unknown>;

/** Everything that a scenario does and looks at. */
export interface Stage {
    cluster: Cluster;
    /** Namespace of the replica. */
    namespace: string;
    /** Stamp of production's first backup. */
    stamp: string;
    /** Runs `understudy up` with the demo's stack file, changed as given: `{"database.refresh": "2"}`. */
    up(changes?: Config): Promise<Ended>;
    preview(changes?: Config): Promise<Ended>;
    /** As `up`, with a kubeconfig whose cluster does not answer. */
    upUnreachable(): Promise<Ended>;
    /** Runs `understudy wipe`, with the stack file of the last up unless it is changed. */
    wipe(changes?: Config): Promise<Ended>;
    /** Runs any command of the command line on the stack file as it is. */
    command(...args: string[]): Promise<Ended>;
    /** As `command`, interrupted by Ctrl-C as soon as it prints something like this. */
    interrupted(when: RegExp, ...args: string[]): Promise<Ended>;
    /** The same, killed at once. */
    killed(when: RegExp, ...args: string[]): Promise<Ended>;
    /** The stack file's text, as the last command has left it; changed if a text is given. Of another stack, if named. */
    stackFile(text?: string, name?: string): Promise<string>;
    /** Answer of a query as superuser, rows by line, columns by `|`. */
    sql(namespace: string, database: string, query: string): Promise<string>;
    /** Output of a command in a pod that a label selects. */
    execute(namespace: string, selector: string, command: string[]): Promise<string>;
    pods(selector: string): Promise<V1Pod[]>;
    core: CoreV1Api;
    config: KubeConfig;
    /** What people use of the replica: rows, media and objects. Equal digests mean: untouched. */
    digest(): Promise<{ rows: string; media: string; objects: string }>;
}

/** Whose replica a stage is for. */
export interface Part {
    stack?: string;
    namespace?: string;
    /** What its stack file says otherwise than the demo's. */
    changes?: Config;
    /** Kubeconfig to run with; the cluster's own if left out. */
    kubeconfig?: string;
}

/** Brings everything up. Production is left as an earlier scenario has left it. */
export async function openStage(part: Part = {}): Promise<Stage> {
    const { stack = "scenario", namespace = "replica" } = part;
    const cluster = await startCluster(lane.cluster);
    await provideImages(cluster);
    await deployProduction(cluster, lane.stores);
    await replicateMedia(cluster);
    const stamp = await takeBackup(cluster);
    const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    config.setCurrentContext(cluster.context);
    const core = config.makeApiClient(CoreV1Api);
    await suspendSchedule(config);
    const demo = await readFile(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8");
    const here = {
        "target.context": cluster.context,
        "source.database": { hostPath: `${lane.stores}/database` },
        "source.media": { hostPath: `${lane.stores}/media` },
        ...part.changes,
    };
    const kubeconfig = part.kubeconfig ?? cluster.kubeconfig;
    const workspaceWith = (files: Record<string, string>) => openWorkspace(lane.workspace, { kubeconfig }, files);
    const stackFile = (changes: Config) => changed(demo, { ...here, ...changes });
    let lastChanges: Config = {};
    const operate = async (operation: string[], changes: Config) => {
        lastChanges = changes;
        const workspace = await workspaceWith({ [stack]: stackFile(changes) });
        return patiently(workspace, operation);
    };
    const command = async (...args: string[]) => {
        const workspace = await workspaceWith({});
        return patiently(workspace, args);
    };
    const stopped =
        (signal: NodeJS.Signals) =>
        async (when: RegExp, ...args: string[]) => {
            const workspace = await workspaceWith({});
            const stop = new AbortController();
            let printed = "";
            const show = (text: string) => {
                printed += text;
                if (when.test(printed)) {
                    stop.abort(signal);
                }
            };
            return understudy(workspace, args, { show, stop: stop.signal });
        };
    const stackFileOf = async (text?: string, name = stack) => {
        const { folder } = await workspaceWith({});
        const file = path.join(folder, `Pulumi.${name}.yaml`);
        if (text !== undefined) {
            await writeFile(file, text);
        }
        return readFile(file, "utf8");
    };
    const upUnreachable = async () => {
        const workspace = await workspaceWith({ [stack]: stackFile(lastChanges) });
        const unreachable = path.join(workspace.folder, "unreachable.kubeconfig");
        const known = await readFile(kubeconfig, "utf8");
        await writeFile(unreachable, known.replace(/https:\/\/[^"\s]+/, "https://127.0.0.1:9"));
        return patiently({ ...workspace, env: { ...workspace.env, KUBECONFIG: unreachable } }, ["up", stack]);
    };
    const execute = async (namespace: string, selector: string, command: string[]) => {
        const { items } = await core.listNamespacedPod({ namespace, labelSelector: selector });
        const pod = items.find(({ metadata, status }) => status?.phase === "Running" && !metadata?.deletionTimestamp);
        return executeIn(config, namespace, pod, command);
    };
    const stage: Stage = {
        cluster,
        namespace,
        stamp,
        core,
        config,
        up: (changes = {}) => operate(["up", stack], changes),
        preview: (changes = {}) => operate(["preview", stack], changes),
        upUnreachable,
        wipe: (changes = lastChanges) => operate(["wipe", stack, "--yes"], changes),
        command,
        interrupted: stopped("SIGINT"),
        killed: stopped("SIGKILL"),
        stackFile: stackFileOf,
        sql: (namespace, database, query) => {
            const psql = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", query];
            return execute(namespace, databaseSelector(namespace), psql);
        },
        execute,
        pods: async (selector) => (await core.listNamespacedPod({ namespace, labelSelector: selector })).items,
        digest: async () => ({
            rows: await digestOfRows(stage),
            media: await digestOfMedia(stage),
            objects: await digestOfObjects(stage),
        }),
    };
    console.error(`Scenarios run on ${described(await workspaceWith({ [stack]: demo }))}.`);
    return stage;
}

/** Milliseconds that a command may take: many times what it does on two busy cores, for there are slow ones. */
const patience = 720_000;

/** Runs a command that is killed when it takes too long: whatever it waits for, the next step must not wait for its lock. */
async function patiently(workspace: Workspace, args: string[]): Promise<Ended> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort("SIGKILL"), patience);
    const { status, output } = await understudy(workspace, args, { stop: late.signal });
    clearTimeout(timer);
    return { status, output: late.signal.aborted ? `${output}\nIt was killed after ${patience / 1000} s.` : output };
}

/** Production's backups and copies are taken when a step asks for them, not when the clock strikes. */
async function suspendSchedule(config: KubeConfig): Promise<void> {
    const { BatchV1Api } = await import("@kubernetes/client-node");
    const batch = config.makeApiClient(BatchV1Api);
    const namespace = "production";
    for (const name of ["backup", "media-replicator"]) {
        const body = [{ op: "add", path: "/spec/suspend", value: true }];
        await batch.patchNamespacedCronJob({ name, namespace, body });
    }
}

function databaseSelector(namespace: string): string {
    return namespace === "production" ? "app=database" : "app.kubernetes.io/name=database";
}

/** A stack file's text with some settings changed; `undefined` takes one away. */
export function changed(file: string, changes: Config): string {
    const { config } = yaml.load(file) as { config: Config };
    for (const [place, value] of Object.entries(changes)) {
        const [key, ...inner] = place.split(".") as [string, ...string[]];
        set(config, [`understudy:${key}`, ...inner], value);
    }
    return yaml.dump({ config });
}

function set(object: Config, [key, ...rest]: string[], value: unknown): void {
    const name = key ?? "";
    if (rest.length > 0) {
        object[name] ??= {};
        set(object[name] as Config, rest, value);
    } else if (value === undefined) {
        delete object[name];
    } else {
        object[name] = value;
    }
}

async function executeIn(config: KubeConfig, namespace: string, pod: V1Pod | undefined, command: string[]) {
    const name = pod?.metadata?.name;
    if (name === undefined) {
        throw new Error(`no pod runs in ${namespace} that could execute ${command[0]}`);
    }
    const { Exec } = await import("@kubernetes/client-node");
    const out = new PassThrough();
    const problems = new PassThrough();
    const container = pod?.spec?.containers[0]?.name ?? "";
    const status = await new Promise<string>((resolve, reject) => {
        new Exec(config)
            .exec(namespace, name, container, command, out, problems, null, false, (ended) => {
                out.end();
                problems.end();
                resolve(ended.status === "Success" ? "" : (ended.message ?? "failed"));
            })
            .catch(reject);
    });
    const output = await text(out);
    if (status !== "") {
        throw new Error(`${command[0]} in ${name}: ${status} ${await text(problems)}`);
    }
    return output.trim();
}

/** Every row of every table of the live database, whatever their order. */
async function digestOfRows(stage: Stage): Promise<string> {
    const tables = await stage.sql(
        stage.namespace,
        "catalogue",
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1",
    );
    const sums = tables
        .split("\n")
        .map((table) => `select '${table}', count(*), sum(hashtextextended(t::text, 0)) from ${table} t`);
    return stage.sql(stage.namespace, "catalogue", `${sums.join(" union all ")} order by 1`);
}

/** Every file that the application sees, with its content, and every link. */
function digestOfMedia(stage: Stage): Promise<string> {
    const files = "find . -type f -print0 | sort -z | xargs -0 sha256sum";
    const links = "find . -type l -printf '%p %l\\n' | sort";
    const command = ["sh", "-c", `cd /srv/media && { ${files}; ${links}; } | sha256sum`];
    return stage.execute(stage.namespace, "app.kubernetes.io/name=application", command);
}

/** Unique ids of what serves people: they change when anything is made anew. */
async function digestOfObjects({ core, namespace }: Stage): Promise<string> {
    const [claims, services, pods] = await Promise.all([
        core.listNamespacedPersistentVolumeClaim({ namespace }),
        core.listNamespacedService({ namespace }),
        core.listNamespacedPod({ namespace, labelSelector: "app.kubernetes.io/name in (application,database)" }),
    ]);
    // A pod of the former generation may still be on its way out.
    const staying = pods.items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    const all = { Claim: claims.items, Service: services.items, Pod: staying };
    const lines = Object.entries(all).flatMap(([kind, items]) =>
        items.map(({ metadata }) => `${kind} ${metadata?.name}=${metadata?.uid}`),
    );
    return lines.sort().join("\n");
}

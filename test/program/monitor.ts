/**
 * Runs the whole program as an engine would, in a process of its own, and records what it registers. This stands in for
 * the engine: it accepts everything and makes nothing, so it shows what the program asks for, options included.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resource from "@pulumi/pulumi/proto/resource_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import yaml from "js-yaml";

/** One resource that the program registered. */
export interface Registration {
    type: string;
    name: string;
    urn: string;
    parent: string;
    provider: string;
    inputs: Record<string, unknown>;
    dependencies: string[];
    deleteBeforeReplace: boolean;
    retainOnDelete: boolean;
    ignoreChanges: string[];
    replaceWith: string[];
    createTimeout: string;
    /** Seconds from the program's start to the registration. */
    seconds: number;
}

/** What a run of the program came to. */
export interface Run {
    registrations: Registration[];
    outputs: Record<string, unknown>;
    /** What the program logged, with its severity. */
    log: { severity: "info" | "warning" | "error" | "debug"; message: string }[];
    /** What was asked of the clusters: method and path. */
    requests: string[];
    status: number | null;
}

/** What is told to the program. */
export interface RunOptions {
    /** Full keys and texts, as the engine hands them over. */
    config: Record<string, string>;
    /** Where it begins, below the repository's root; at the product itself if left out. */
    program?: string;
    /** Folder of the stack file and of what it names, below the repository's root; the product's own if left out. */
    folder?: string;
    stack?: string;
    dryRun?: boolean;
    /**
     * What the cluster answers, texts as they are, and a Status under its own code; it cannot be reached if left out. Keys
     * are paths such as `/api/v1/namespaces/x`.
     */
    cluster?: Record<string, object | string>;
    /** What the cluster of the context `elsewhere` answers; it cannot be reached if left out. */
    elsewhere?: Record<string, object | string>;
    /** What stashes have kept from an earlier run, by their names. The others keep what this run gives them. */
    kept?: Record<string, string>;
}

/** Answers of a cluster with the demo's production and nothing else. */
export const productionCluster: Record<string, object> = {
    "/api/v1/namespaces/production": { metadata: { name: "production", uid: "uid-of-production" } },
    "/apis/apps/v1/namespaces/production/deployments/catalogue": {
        metadata: { name: "catalogue", namespace: "production" },
        spec: { template: { spec: { containers: [{ name: "catalogue", image: "understudy-demo/catalogue:1.0" }] } } },
    },
};

const root = path.join(__dirname, "../..");
const secretMark = "4dabf18193072939515e22adb298388d";

/** A secret in an input, as the program wrapped it. */
export function isSecret(value: unknown): boolean {
    return typeof value === "object" && value !== null && secretMark in value;
}

/** The configuration that a committed stack file comes to. */
export function configOf(text: string): Record<string, string> {
    const { config } = yaml.load(text) as { config: Record<string, unknown> };
    return Object.fromEntries(
        Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    );
}

/** Runs the program once. */
export async function runProgram(options: RunOptions): Promise<Run> {
    const {
        config,
        program = ".",
        folder: beside = ".",
        stack = "demo",
        dryRun = false,
        cluster,
        elsewhere,
        kept = {},
    } = options;
    const run: Run = { registrations: [], outputs: {}, log: [], requests: [], status: null };
    const folder = await mkdtemp(path.join(os.tmpdir(), "understudy-program-"));
    const server = new grpc.Server();
    const [api, other] = await Promise.all([serveCluster(run, cluster), serveCluster(run, elsewhere)]);
    const started = performance.now();
    server.addService(
        ResourceMonitorService,
        monitor(run, kept, () => (performance.now() - started) / 1000),
    );
    server.addService(EngineService, engineOf(run));
    try {
        const port = await listen(server);
        const kubeconfig = path.join(folder, "kubeconfig");
        await writeFile(
            kubeconfig,
            JSON.stringify(kubeconfigFor({ "understudy-demo": api?.url, elsewhere: other?.url })),
        );
        const entry = path.join(root, "node_modules/@pulumi/pulumi/cmd/run/index.js");
        const target = `127.0.0.1:${port}`;
        const flags = ["--monitor", target, "--engine", target, "--project", "understudy", "--stack", stack];
        const child = spawn(
            process.execPath,
            [
                "--require",
                "./preload.cjs",
                entry,
                ...flags,
                ...(dryRun ? ["--dry-run"] : []),
                "--pwd",
                path.join(root, beside),
                "--root-directory",
                root,
                path.join(root, program),
            ],
            {
                cwd: root,
                stdio: ["ignore", "ignore", "inherit"],
                env: {
                    ...process.env,
                    KUBECONFIG: kubeconfig,
                    PULUMI_CONFIG: JSON.stringify(config),
                    PULUMI_NODEJS_TYPESCRIPT: "false",
                },
            },
        );
        run.status = await new Promise((resolve) => child.on("exit", resolve));
        return run;
    } finally {
        server.forceShutdown();
        api?.close();
        other?.close();
        await rm(folder, { recursive: true });
    }
}

function listen(server: grpc.Server): Promise<number> {
    return new Promise((resolve, reject) =>
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
            error === null ? resolve(port) : reject(error),
        ),
    );
}

function monitor(run: Run, kept: Record<string, string>, seconds: () => number): grpc.UntypedServiceImplementation {
    return {
        supportsFeature: unary(() => new resource.SupportsFeatureResponse().setHassupport(true)),
        registerPackage: unary(() => new resource.RegisterPackageResponse().setRef("kubernetes")),
        registerResourceOutputs: unary((request: resource.RegisterResourceOutputsRequest) => {
            if (request.getUrn().includes("::pulumi:pulumi:Stack::")) {
                run.outputs = (request.getOutputs()?.toJavaScript() ?? {}) as Record<string, unknown>;
            }
            return new Empty();
        }),
        registerResource: unary((request: resource.RegisterResourceRequest) => {
            const type = request.getType();
            const urn = `urn:pulumi:stack::understudy::${type}::${request.getName()}`;
            const inputs = request.getObject() ?? new Struct();
            run.registrations.push({
                type,
                name: request.getName(),
                urn,
                parent: request.getParent(),
                provider: request.getProvider(),
                inputs: inputs.toJavaScript() as Record<string, unknown>,
                dependencies: request.getDependenciesList(),
                deleteBeforeReplace: request.getDeletebeforereplace(),
                retainOnDelete: request.getRetainondelete() ?? false,
                ignoreChanges: request.getIgnorechangesList(),
                replaceWith: request.getReplaceWithList(),
                createTimeout: request.getCustomtimeouts()?.getCreate() ?? "",
                seconds: seconds(),
            });
            // A stash answers with what it keeps, a Service with its address, everything else with what it was given.
            const answers: Record<string, () => Struct> = {
                "pulumi:index:Stash": () => stash(inputs, kept[request.getName()]),
                "kubernetes:core/v1:Service": () => addressed(inputs),
            };
            const answer = answers[type]?.() ?? inputs;
            return new resource.RegisterResourceResponse()
                .setUrn(urn)
                .setId(request.getCustom() ? `id-of-${request.getName()}` : "")
                .setObject(answer);
        }),
        signalAndWaitForShutdown: unary(() => new Empty()),
    };
}

function stash(inputs: Struct, kept: string | undefined): Struct {
    const values = inputs.toJavaScript() as { input?: unknown };
    return Struct.fromJavaScript(JSON.parse(JSON.stringify({ ...values, output: kept ?? values.input ?? null })));
}

function addressed(inputs: Struct): Struct {
    const { spec, ...rest } = inputs.toJavaScript() as { spec?: object };
    return Struct.fromJavaScript(JSON.parse(JSON.stringify({ ...rest, spec: { ...spec, clusterIP: "10.43.0.7" } })));
}

function engineOf(run: Run): grpc.UntypedServiceImplementation {
    const severities = ["debug", "info", "warning", "error"] as const;
    let rootUrn = "";
    return {
        log: unary((request: engine.LogRequest) => {
            run.log.push({ severity: severities[request.getSeverity()] ?? "info", message: request.getMessage() });
            return new Empty();
        }),
        getRootResource: unary(() => new engine.GetRootResourceResponse().setUrn(rootUrn)),
        setRootResource: unary((request: engine.SetRootResourceRequest) => {
            rootUrn = request.getUrn();
            return new engine.SetRootResourceResponse();
        }),
    };
}

function unary<Request, Response>(answer: (request: Request) => Response): grpc.handleUnaryCall<Request, Response> {
    return (call, callback) => callback(null, answer(call.request));
}

/** A Kubernetes API that knows the given objects and nothing else. It stands in for a cluster's answers to reads. */
async function serveCluster({ requests }: Run, objects: Record<string, object | string> | undefined) {
    if (objects === undefined) {
        return undefined;
    }
    const server = http.createServer((request, response) => {
        requests.push(`${request.method} ${request.url}`);
        const object = objects[request.url ?? ""];
        const absent = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 };
        const type = typeof object === "string" ? "text/plain" : "application/json";
        const { code = 200 } = typeof object === "string" ? {} : ((object ?? absent) as { code?: number });
        response.writeHead(code, { "content-type": type });
        response.end(typeof object === "string" ? object : JSON.stringify(object ?? absent));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

/** A kubeconfig with a context for each cluster; nobody answers for those without an address. */
function kubeconfigFor(servers: Record<string, string | undefined>) {
    const contexts = Object.entries(servers);
    return {
        apiVersion: "v1",
        kind: "Config",
        clusters: contexts.map(([name, server = "http://127.0.0.1:9"]) => ({
            name,
            cluster: { server, "insecure-skip-tls-verify": true },
        })),
        users: contexts.map(([name]) => ({ name, user: {} })),
        contexts: contexts.map(([name]) => ({ name, context: { cluster: name, user: name } })),
        "current-context": contexts[0]?.[0],
    };
}

import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Fields, textAt } from "../kubernetes/fields";
import type { Log } from "../kubernetes/log";
import { received, reveal } from "../kubernetes/properties";
import { type Printed, run, wantsAssets } from "./run";
import { version } from "./version";

/** The one kind of resource that the stand-in has. */
const type = "command:local:Command";
/** What a preview cannot know. */
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** Outputs that are not inputs. */
const printedKeys = ["stdout", "stderr"] as const;
const nothing: Printed = { stdout: "", stderr: "" };

/** The provider's side of the engine's protocol. `logOf` gives the log of a resource, or with an empty URN the run's. */
export function service(logOf: (urn: string) => Log): Partial<IResourceProviderServer> {
    const cancel = new AbortController();
    return {
        getPluginInfo: unary(async () => {
            const info = new PluginInfo();
            info.setVersion(version);
            return info;
        }),
        getSchema: unary(async () => {
            const response = new rpc.GetSchemaResponse();
            response.setSchema(JSON.stringify({ name: "command", version }));
            return response;
        }),
        checkConfig: unary(async (request: rpc.CheckRequest) => checked(request)),
        diffConfig: unary(async () => new rpc.DiffResponse()),
        configure: unary(async () => {
            logOf("").say(
                "info",
                `the provider command ${version} is a stand-in made for machines that cannot install the real plugin`,
            );
            const response = new rpc.ConfigureResponse();
            response.setAcceptsecrets(true);
            response.setSupportspreview(true);
            return response;
        }),
        check: unary(async (request: rpc.CheckRequest) => {
            refuseOthers(request.getUrn(), received(request.getNews()));
            return checked(request);
        }),
        diff: unary(async (request: rpc.DiffRequest) => diff(request)),
        create: unary(async (request: rpc.CreateRequest) => {
            const inputs = received(request.getProperties());
            const open = reveal(inputs);
            const command = textAt(open, "create");
            const printed = request.getPreview()
                ? { stdout: unknown, stderr: unknown }
                : await ran(command, open, nothing, logOf(request.getUrn()));
            const response = new rpc.CreateResponse();
            response.setId(`${nameIn(request.getUrn())}${randomBytes(4).toString("hex")}`);
            response.setProperties(stateOf(inputs, printed));
            return response;
        }),
        read: unary(async (request: rpc.ReadRequest) => {
            const response = new rpc.ReadResponse();
            response.setId(request.getId());
            response.setProperties(request.getProperties());
            response.setInputs(request.getInputs());
            return response;
        }),
        update: unary(async (request: rpc.UpdateRequest) => {
            const inputs = received(request.getNews());
            const open = reveal(inputs);
            const former = printedIn(received(request.getOlds()));
            const command = textAt(open, "update") || textAt(open, "create");
            const printed = request.getPreview()
                ? { stdout: unknown, stderr: unknown }
                : await ran(command, open, former, logOf(request.getUrn()));
            const response = new rpc.UpdateResponse();
            response.setProperties(stateOf(inputs, printed));
            return response;
        }),
        delete: unary(async (request: rpc.DeleteRequest) => {
            const state = received(request.getProperties());
            const open = reveal(state);
            await ran(textAt(open, "delete"), open, printedIn(state), logOf(request.getUrn()));
            return new Empty();
        }),
        cancel: unary(async () => {
            cancel.abort();
            return new Empty();
        }),
    };

    async function ran(command: string, inputs: Fields, former: Printed, log: Log): Promise<Printed> {
        return command === "" ? former : run(command, inputs, former, log, cancel.signal);
    }
}

/** The real provider has more; whoever needs that needs the real one. */
function refuseOthers(urn: string, inputs: Fields): void {
    if (!urn.includes(`${type}::`)) throw new Error(`the stand-in has ${type} alone: install the real plugin command`);
    if (wantsAssets(inputs)) throw new Error("the stand-in hands back no files: install the real plugin command");
}

function checked(request: rpc.CheckRequest): rpc.CheckResponse {
    const response = new rpc.CheckResponse();
    response.setInputs(request.getNews());
    return response;
}

/** Every changed input is an update; with another trigger and no command for updates, the resource is replaced. */
function diff(request: rpc.DiffRequest): rpc.DiffResponse {
    const news = received(request.getNews());
    const state = reveal(received(request.getOlds()));
    const wanted = reveal(news);
    const keys = new Set([...Object.keys(state), ...Object.keys(wanted)]);
    const changed = [...keys].filter(
        (key) => !printedKeys.includes(key as "stdout") && !isDeepStrictEqual(state[key], wanted[key]),
    );
    const replaces = changed.filter((key) => key === "triggers" && wanted.update === undefined);
    const response = new rpc.DiffResponse();
    response.setChanges(
        changed.length > 0 ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE,
    );
    response.setDiffsList(changed);
    response.setReplacesList(replaces);
    return response;
}

/** Inputs and what was printed. That is no secret where an input is one: who wants it to be has to say so. */
function stateOf(inputs: Fields, printed: Printed): Struct {
    return Struct.fromJavaScript({ ...inputs, ...printed });
}

function printedIn(state: Fields): Printed {
    const open = reveal(state);
    return { stdout: textAt(open, "stdout"), stderr: textAt(open, "stderr") };
}

function nameIn(urn: string): string {
    return urn.split("::").at(-1) ?? "";
}

/** A handler of one request, one answer. */
function unary<Q, A>(answer: (request: Q) => Promise<A>): grpc.handleUnaryCall<Q, A> {
    return (call, callback) => {
        answer(call.request).then(
            (response) => callback(null, response),
            (error: unknown) =>
                callback({
                    code: grpc.status.UNKNOWN,
                    details: error instanceof Error ? error.message : String(error),
                }),
        );
    };
}

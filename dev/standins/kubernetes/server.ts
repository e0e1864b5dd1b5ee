import type * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { ChangeKind } from "./changes";
import { check } from "./check";
import { Cluster } from "./cluster";
import { options, providerDiff } from "./configuration";
import { create } from "./create";
import { diff } from "./diff";
import { failed } from "./failure";
import type { Fields } from "./fields";
import type { Log } from "./log";
import type { Autonaming } from "./naming";
import { received, reveal } from "./properties";
import { type Provider, text } from "./provider";
import { read } from "./read";
import { remove } from "./remove";
import { update } from "./update";
import { version } from "./version";

type Answer = (message: rpc.ConfigureRequest) => Promise<rpc.ConfigureResponse>;

/** The provider's side of the engine's protocol. `logOf` gives the log of a resource, or with an empty URN the run's. */
export function service(logOf: (urn: string) => Log): Partial<IResourceProviderServer> {
    const cancel = new AbortController();
    let provider: Provider | undefined;
    const configured = () => {
        if (provider === undefined) throw new Error("the engine has to configure the provider first");
        return provider;
    };
    const of = (urn: string) => ({ urn, log: logOf(urn) });

    const configure: Answer = async (request) => {
        const variables = new Map<string, string>(request.getVariablesMap().toArray());
        provider = await connected(options(variables, process.env), cancel.signal);
        logOf("").say(
            "info",
            `the provider kubernetes ${version} is a stand-in made for machines that cannot install the real plugin`,
        );
        const response = new rpc.ConfigureResponse();
        response.setAcceptsecrets(true);
        response.setSupportspreview(true);
        response.setSupportsAutonamingConfiguration(true);
        return response;
    };

    return {
        getPluginInfo: unary(async () => {
            const info = new PluginInfo();
            info.setVersion(version);
            return info;
        }),
        getSchema: unary(async () => {
            const response = new rpc.GetSchemaResponse();
            response.setSchema(JSON.stringify({ name: "kubernetes", version }));
            return response;
        }),
        checkConfig: unary(async (request: rpc.CheckRequest) => {
            const response = new rpc.CheckResponse();
            response.setInputs(request.getNews());
            return response;
        }),
        diffConfig: unary(async (request: rpc.DiffRequest) => {
            const { changed, replaces } = providerDiff(
                reveal(received(request.getOlds())),
                reveal(received(request.getNews())),
            );
            const response = new rpc.DiffResponse();
            response.setChanges(changes(changed.length > 0));
            response.setDiffsList(changed);
            response.setReplacesList(replaces);
            return response;
        }),
        configure: unary(configure),
        check: unary(async (request: rpc.CheckRequest) => {
            const inputs = await check(
                configured(),
                of(request.getUrn()),
                received(request.getOlds()),
                received(request.getNews()),
                request.getRandomseed_asU8(),
                autonaming(request.getAutonaming()),
            );
            const response = new rpc.CheckResponse();
            response.setInputs(sent(inputs));
            return response;
        }),
        diff: unary(async (request: rpc.DiffRequest) => {
            const found = await diff(
                configured(),
                of(request.getUrn()),
                received(request.getOlds()),
                received(request.getNews()),
                request.getIgnorechangesList(),
            );
            const response = new rpc.DiffResponse();
            response.setChanges(changes(found.changes.size + found.replaces.length > 0));
            response.setReplacesList(found.replaces);
            response.setDeletebeforereplace(found.deleteBeforeReplace);
            response.setHasdetaileddiff(true);
            for (const [path, kind] of found.changes) {
                const property = new rpc.PropertyDiff();
                property.setKind(propertyKinds[kind]);
                // A property that is taken away can only be shown from the former inputs.
                property.setInputdiff(kind.startsWith("delete"));
                response.getDetaileddiffMap().set(path, property);
            }
            return response;
        }),
        create: unary(async (request: rpc.CreateRequest) => {
            const made = await create(
                configured(),
                of(request.getUrn()),
                received(request.getProperties()),
                request.getPreview(),
                request.getTimeout(),
            );
            const response = new rpc.CreateResponse();
            response.setId(made.id);
            response.setProperties(sent(made.state));
            return response;
        }),
        read: unary(async (request: rpc.ReadRequest) => {
            const found = await read(
                configured(),
                of(request.getUrn()),
                request.getId(),
                received(request.getProperties()),
                received(request.getInputs()),
            );
            const response = new rpc.ReadResponse();
            if (found === undefined) return response;
            response.setId(found.id);
            response.setProperties(sent(found.state));
            response.setInputs(sent(found.inputs));
            return response;
        }),
        update: unary(async (request: rpc.UpdateRequest) => {
            const state = await update(
                configured(),
                of(request.getUrn()),
                received(request.getOlds()),
                received(request.getNews()),
                request.getPreview(),
                request.getTimeout(),
            );
            const response = new rpc.UpdateResponse();
            response.setProperties(sent(state));
            return response;
        }),
        delete: unary(async (request: rpc.DeleteRequest) => {
            const state = received(request.getProperties());
            await remove(configured(), of(request.getUrn()), request.getId(), state, request.getTimeout());
            return new Empty();
        }),
        cancel: unary(async () => {
            cancel.abort();
            return new Empty();
        }),
    };
}

async function connected(given: Provider["options"], cancelled: AbortSignal): Promise<Provider> {
    const lost = (unreachable: string) => ({ options: given, cluster: undefined, unreachable, cancelled });
    if (given.config === undefined)
        return lost(`unable to load Kubernetes client configuration from kubeconfig file: ${given.problem}`);
    const cluster = new Cluster(given.config, cancelled);
    try {
        await cluster.reach();
    } catch (error) {
        return lost(`unable to load schema information from the API server: ${text(error)}`);
    }
    return { options: given, cluster, unreachable: "", cancelled };
}

const propertyKinds: Readonly<Record<ChangeKind, rpc.PropertyDiff.Kind>> = {
    add: rpc.PropertyDiff.Kind.ADD,
    "add-replace": rpc.PropertyDiff.Kind.ADD_REPLACE,
    delete: rpc.PropertyDiff.Kind.DELETE,
    "delete-replace": rpc.PropertyDiff.Kind.DELETE_REPLACE,
    update: rpc.PropertyDiff.Kind.UPDATE,
    "update-replace": rpc.PropertyDiff.Kind.UPDATE_REPLACE,
};

function changes(some: boolean): rpc.DiffResponse.DiffChanges {
    return some ? rpc.DiffResponse.DiffChanges.DIFF_SOME : rpc.DiffResponse.DiffChanges.DIFF_NONE;
}

function autonaming(given: rpc.CheckRequest.AutonamingOptions | undefined): Autonaming {
    if (given === undefined) return undefined;
    const { PROPOSE, DISABLE } = rpc.CheckRequest.AutonamingOptions.Mode;
    if (given.getMode() === DISABLE) return { mode: "disable" };
    return { mode: given.getMode() === PROPOSE ? "propose" : "enforce", name: given.getProposedName() };
}

function sent(fields: Fields): Struct {
    return Struct.fromJavaScript(fields);
}

/** A handler of one request, one answer; errors reach the engine with what it has to put into the state. */
function unary<Q, A>(answer: (request: Q) => Promise<A>): grpc.handleUnaryCall<Q, A> {
    return (call, callback) => {
        answer(call.request).then(
            (response) => callback(null, response),
            (error: unknown) => callback(failed(error)),
        );
    };
}

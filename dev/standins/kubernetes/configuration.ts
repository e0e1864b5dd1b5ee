import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { type Fields, isFields, textAt, type Value } from "./fields";
import { isUnknown } from "./properties";

/** The provider's arguments, as far as the stand-in knows them. */
export interface Options {
    /** Undefined when it could not be loaded: then `problem` says why. */
    config: KubeConfig | undefined;
    problem: string;
    /** Namespace of objects that name none. */
    namespace: string;
    configMapMutable: boolean;
    secretMutable: boolean;
    /** A create takes over an object that exists already. */
    upsert: boolean;
    /** An apply takes fields from other managers. */
    force: boolean;
    deleteUnreachable: boolean;
    skipUpdateUnreachable: boolean;
}

/** How a change of the provider's own arguments is planned. */
export interface ProviderDiff {
    changed: string[];
    /** Arguments for which the provider, and with it every object, is replaced. */
    replaces: string[];
}

/** Reads the arguments as the engine configures a provider with them: texts under `kubernetes:config:<name>`. */
export function options(variables: ReadonlyMap<string, string>, environment: NodeJS.ProcessEnv): Options {
    const given = (name: string) => variables.get(`kubernetes:config:${name}`);
    const flag = (name: string, variable: string) => (given(name) ?? environment[`PULUMI_K8S_${variable}`]) === "true";
    const { config, problem } = load(given("kubeconfig") ?? "", given("context") ?? "", given("cluster") ?? "");
    const ofContext = config?.getContextObject(config.getCurrentContext())?.namespace;
    return {
        config,
        problem,
        namespace: given("namespace") || ofContext || (config === undefined ? "" : "default"),
        configMapMutable: flag("enableConfigMapMutable", "ENABLE_CONFIGMAP_MUTABLE"),
        secretMutable: flag("enableSecretMutable", "ENABLE_SECRET_MUTABLE"),
        upsert: flag("upsertExistingObjects", "UPSERT_EXISTING_OBJECTS"),
        force: flag("enablePatchForce", "ENABLE_PATCH_FORCE"),
        deleteUnreachable: flag("deleteUnreachable", "DELETE_UNREACHABLE"),
        skipUpdateUnreachable: flag("skipUpdateUnreachable", "SKIP_UPDATE_UNREACHABLE"),
    };
}

/**
 * Compares a provider's arguments. It is replaced when `clusterIdentifier` changes; while one is given and stays, by
 * nothing else; without one, when the kubeconfig's active cluster changes. Setting or removing it replaces nothing.
 */
export function providerDiff(olds: Fields, news: Fields): ProviderDiff {
    const keys = [...new Set([...Object.keys(olds), ...Object.keys(news)])];
    const changed = keys.filter((key) => !isDeepStrictEqual(olds[key], news[key]));
    const identifier = news.clusterIdentifier;
    if (identifier !== undefined && identifier === olds.clusterIdentifier) return { changed, replaces: [] };
    const replaces = identifier !== undefined && olds.clusterIdentifier !== undefined ? ["clusterIdentifier"] : [];
    const locators = ["kubeconfig", "context", "cluster"];
    const unknown = locators.find((key) => isUnknown(news[key]));
    if (unknown !== undefined) return { changed: [unknown], replaces: [...replaces, unknown] };
    const [former, next] = [activeCluster(olds), activeCluster(news)];
    const moved = former !== undefined && next !== undefined && !isDeepStrictEqual(former, next);
    if (moved) replaces.push(...locators.filter((key) => changed.includes(key)));
    return { changed, replaces };
}

function load(
    kubeconfig: string,
    context: string,
    cluster: string,
): { config: KubeConfig | undefined; problem: string } {
    const config = new KubeConfig();
    try {
        if (kubeconfig === "") config.loadFromDefault();
        else config.loadFromString(content(kubeconfig));
    } catch (error) {
        return { config: undefined, problem: `the kubeconfig cannot be read: ${reason(error)}` };
    }
    if (context !== "") config.setCurrentContext(context);
    const active = config.getContextObject(config.getCurrentContext());
    if (active === null || config.getCurrentCluster() === null) {
        const name = JSON.stringify(config.getCurrentContext());
        return { config: undefined, problem: `the kubeconfig has no context ${name} with a cluster` };
    }
    if (cluster !== "") Object.assign(active, { cluster });
    return { config, problem: "" };
}

/** A kubeconfig is given as a file's path or as its content. */
function content(pathOrContent: string): string {
    const path = pathOrContent.replace(/^~(?=$|\/)/, homedir());
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "utf8") : pathOrContent;
}

function activeCluster(inputs: Fields): unknown {
    const given = inputs.kubeconfig;
    if (given === undefined || given === null || given === "") return undefined;
    const config = new KubeConfig();
    config.loadFromString(asText(given));
    const context = textAt(inputs, "context");
    if (context !== "") config.setCurrentContext(context);
    const active = config.getContextObject(config.getCurrentContext());
    const name = textAt(inputs, "cluster") || active?.cluster;
    return active === null || name === undefined ? undefined : (config.getCluster(name) ?? undefined);
}

function asText(kubeconfig: Value): string {
    return isFields(kubeconfig) ? JSON.stringify(kubeconfig) : content(String(kubeconfig));
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

import http from "node:http";
import https from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { type Fields, isFields, listAt, textAt } from "./fields";

/** The API server's refusal, with its own message. */
export class ApiError extends Error {
    constructor(
        readonly status: Fields,
        readonly code: number,
    ) {
        super(textAt(status, "message") || `the API server answered with status ${code}`);
    }

    /** Machine-readable reason, for example `AlreadyExists`. */
    get reason(): string {
        return textAt(this.status, "reason");
    }
}

/** The API server does not know the kind. */
export class UnknownKind extends Error {
    constructor(apiVersion: string, kind: string) {
        super(`no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`);
    }
}

/** A kind by its group's version, as in an object's first two fields. */
export interface Kind {
    apiVersion: string;
    kind: string;
}

/** Query parameters of a request that changes something. */
export interface ChangeOptions {
    fieldManager: string;
    dryRun: boolean;
}

interface Resource {
    path: string;
    namespaced: boolean;
}

/** One cluster's API server, spoken to with the JSON that the objects are. */
export class Cluster {
    private readonly resources = new Map<string, Promise<Fields[]>>();

    constructor(
        private readonly config: KubeConfig,
        /** Aborted when the user cancels the run; requests and waits end with it. */
        readonly stopped: AbortSignal,
    ) {}

    /** Throws unless the API server answers. */
    async reach(): Promise<void> {
        await this.request("GET", "/version");
    }

    /** True when the API server knows the kind. */
    async knows(kind: Kind): Promise<boolean> {
        return (await this.lookUp(kind).catch(() => undefined)) !== undefined;
    }

    /** True for kinds that live in a namespace; throws {@link UnknownKind}. */
    async isNamespaced(kind: Kind): Promise<boolean> {
        return (await this.resource(kind)).namespaced;
    }

    async get(kind: Kind, namespace: string, name: string): Promise<Fields> {
        return this.request("GET", `${await this.path(kind, namespace)}/${name}`);
    }

    async list(kind: Kind, namespace: string): Promise<Fields> {
        const list = await this.request("GET", await this.path(kind, namespace));
        // The elements of a list do not say what they are.
        const items = listAt(list, "items").map((item) => ({ ...item, apiVersion: kind.apiVersion, kind: kind.kind }));
        return { ...list, items };
    }

    async create(object: Fields, options: ChangeOptions): Promise<Fields> {
        return this.request("POST", `${await this.pathOf(object)}?${query(options)}`, object, "application/json");
    }

    /** Server-side apply; `force` takes fields from other managers. */
    async apply(object: Fields, options: ChangeOptions & { force: boolean }): Promise<Fields> {
        const name = textAt(object, "metadata", "name");
        const url = `${await this.pathOf(object)}/${name}?${query(options)}&force=${options.force}`;
        return this.request("PATCH", url, object, "application/apply-patch+yaml");
    }

    /** Replaces `metadata.managedFields` of the object. */
    async setManagedFields(object: Fields, value: Fields["managedFields"]): Promise<Fields> {
        const patch = [{ op: "replace", path: "/metadata/managedFields", value }];
        const url = `${await this.pathOf(object)}/${textAt(object, "metadata", "name")}`;
        return this.request("PATCH", url, patch, "application/json-patch+json");
    }

    async delete(object: Fields, name: string, propagationPolicy: string): Promise<Fields> {
        const options = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy };
        return this.request("DELETE", `${await this.pathOf(object)}/${name}`, options, "application/json");
    }

    /** Follows a list from `resourceVersion` on; ends when the API server ends it or `signal` is aborted. */
    async follow(
        kind: Kind,
        namespace: string,
        resourceVersion: string,
        signal: AbortSignal,
        receive: (type: string, object: Fields) => void,
    ): Promise<void> {
        const path = `${await this.path(kind, namespace)}?watch=true&resourceVersion=${resourceVersion}`;
        const response = await this.send("GET", path, signal);
        if (response.statusCode !== 200) throw failure(response.statusCode, await read(response));
        for await (const line of lines(response)) {
            const change = JSON.parse(line) as Fields;
            if (isFields(change.object)) receive(textAt(change, "type"), change.object);
        }
    }

    private async pathOf(object: Fields): Promise<string> {
        const kind = { apiVersion: textAt(object, "apiVersion"), kind: textAt(object, "kind") };
        return this.path(kind, textAt(object, "metadata", "namespace"));
    }

    private async path(kind: Kind, namespace: string): Promise<string> {
        const { path, namespaced } = await this.resource(kind);
        const root = groupPath(kind.apiVersion);
        return namespaced ? `${root}/namespaces/${namespace || "default"}/${path}` : `${root}/${path}`;
    }

    private async resource(kind: Kind): Promise<Resource> {
        const found = await this.lookUp(kind);
        if (found === undefined) throw new UnknownKind(kind.apiVersion, kind.kind);
        return { path: textAt(found, "name"), namespaced: found.namespaced === true };
    }

    private async lookUp({ apiVersion, kind }: Kind): Promise<Fields | undefined> {
        const listed = this.resources.get(apiVersion) ?? this.discover(apiVersion);
        this.resources.set(apiVersion, listed);
        try {
            return (await listed).find((resource) => resource.kind === kind && !textAt(resource, "name").includes("/"));
        } catch (error) {
            this.resources.delete(apiVersion);
            if (error instanceof ApiError && error.code === 404) return undefined;
            throw error;
        }
    }

    private async discover(apiVersion: string): Promise<Fields[]> {
        return listAt(await this.request("GET", groupPath(apiVersion)), "resources");
    }

    private async request(method: string, path: string, body?: unknown, type?: string): Promise<Fields> {
        const response = await this.send(method, path, this.stopped, body, type);
        const text = await read(response);
        if ((response.statusCode ?? 500) >= 300) throw failure(response.statusCode, text);
        return JSON.parse(text) as Fields;
    }

    private async send(method: string, path: string, signal: AbortSignal, body?: unknown, type?: string) {
        const server = this.config.getCurrentCluster()?.server ?? "";
        const options: https.RequestOptions = { method, signal };
        await this.config.applyToHTTPSOptions(options);
        const headers = { ...options.headers, Accept: "application/json", "User-Agent": "understudy-stand-in" };
        const content = body === undefined ? "" : JSON.stringify(body);
        // Without its length, Node would send no content with a DELETE.
        const described = { "Content-Type": type, "Content-Length": Buffer.byteLength(content) };
        options.headers = type === undefined ? headers : { ...headers, ...described };
        const url = new URL(server.replace(/\/$/, "") + path);
        return new Promise<http.IncomingMessage>((resolve, reject) => {
            const request = (url.protocol === "http:" ? http : https).request(url, options, resolve);
            request.on("error", (error) =>
                reject(new Error(`${method} "${url.origin}${url.pathname}": ${error.message}`)),
            );
            request.end(content);
        });
    }
}

function groupPath(apiVersion: string): string {
    const version = apiVersion.replace(/^core\//, "");
    return version.includes("/") ? `/apis/${version}` : `/api/${version}`;
}

function query({ fieldManager, dryRun }: ChangeOptions): string {
    return `fieldManager=${encodeURIComponent(fieldManager)}${dryRun ? "&dryRun=All" : ""}`;
}

/** The lines of a response as they arrive. Node's own line reader would wait for ever on a connection that is cut. */
async function* lines(response: http.IncomingMessage): AsyncGenerator<string> {
    let rest = "";
    for await (const part of response.setEncoding("utf8")) {
        const pieces = (rest + part).split("\n");
        rest = pieces.pop() ?? "";
        yield* pieces;
    }
}

async function read(response: http.IncomingMessage): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return Buffer.concat(parts).toString();
}

function failure(code: number | undefined, text: string): ApiError {
    try {
        return new ApiError(JSON.parse(text) as Fields, code ?? 0);
    } catch {
        return new ApiError({ message: text.trim() }, code ?? 0);
    }
}

import { basename, join } from "node:path";
import { hashOf, once } from "../cache";
import { installPackages } from "../packages";
import { step } from "../step";
import { type ImageConfig, writeArchive } from "./image/archive";
import type { ImageSpec } from "./image/spec";
import { treeOf } from "./image/tree";
import type { Cluster } from "./index";
import { layoutOf } from "./layout";
import { importArchives } from "./load";

export { mailpitImage } from "./image/mailpit";
export { nginxImage } from "./image/nginx";
export { nodeImage } from "./image/node";
export { poolerImage } from "./image/pooler";
export { postgresImage } from "./image/postgres";
export { rcloneImage } from "./image/rclone";
export { redisImage } from "./image/redis";
export type { ImageFile, ImageSpec, ImageUser } from "./image/spec";

const environment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Makes an image from Debian's packages, unless it was made from the same parts before.
 *
 * @returns the path of an archive in the format of `docker save`, in the cache.
 * @throws Error if this machine lacks what it takes: root, and Debian's tools.
 */
export async function buildImage(spec: ImageSpec): Promise<string> {
    await installPackages(["mmdebstrap"]);
    const tree = await treeOf(spec);
    const config = configOf(spec);
    const name = (spec.tags[0] ?? "image").replace(/[^a-z0-9.]+/g, "-");
    const folder = await once(`archive-${name}`, hashOf(tree.key, spec.tags, config), (partial) =>
        writeArchive(join(partial, `${name}.tar`), spec.tags, tree.layers, config),
    );
    return join(folder, `${name}.tar`);
}

/**
 * Loads image archives into a local cluster, except those that it has. Into somebody's own cluster nothing is loaded, because
 * each kind of cluster has its own command for that.
 *
 * @returns for an existing cluster, one sentence that says what to type; else undefined.
 */
export async function loadImages(cluster: Cluster, archives: readonly string[]): Promise<string | undefined> {
    if (cluster.origin === "existing") {
        return loadingByHand(cluster.context, archives);
    }
    await step(`load ${archives.map((archive) => basename(archive, ".tar")).join(", ")}`, () =>
        importArchives(layoutOf(cluster.name), archives),
    );
    return undefined;
}

/** The command for the kind of cluster that the context's name tells, or for each kind. */
export function loadingByHand(context: string, archives: readonly string[]): string {
    const [kind = "", ...rest] = context.split("-");
    const name = rest.join("-");
    const each = (command: string) => archives.map((archive) => `${command} ${archive}`).join(" && ");
    const commands: Record<string, string> = {
        kind: `kind load image-archive --name ${name || "<cluster>"} ${archives.join(" ")}`,
        k3d: `k3d image import --cluster ${name || "<cluster>"} ${archives.join(" ")}`,
        minikube: each(`minikube image load --profile ${context.startsWith("minikube") ? context : "<profile>"}`),
    };
    const known = commands[kind];
    return known
        ? `Load the images into context ${context} with: ${known}`
        : `Load the images into context ${context} with the command of its kind: ${Object.values(commands).join(", or: ")}`;
}

/** What an image inherits from its base, as in a Dockerfile. */
function configOf(spec: ImageSpec): ImageConfig {
    const base = spec.base ? configOf(spec.base) : {};
    const env = { ...Object.fromEntries((base.Env ?? []).map(pair)), ...(spec.base ? {} : environment), ...spec.env };
    const set = (names: string[]) => Object.fromEntries(names.map((name) => [name, {}]));
    return {
        ...base,
        Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
        Entrypoint: spec.entrypoint ?? base.Entrypoint,
        Cmd: spec.cmd ?? (spec.entrypoint ? undefined : base.Cmd),
        User: spec.user ?? base.User,
        WorkingDir: spec.workdir ?? base.WorkingDir,
        StopSignal: spec.stopSignal ?? base.StopSignal,
        Volumes: { ...base.Volumes, ...set(spec.volumes ?? []) },
        ExposedPorts: { ...base.ExposedPorts, ...set((spec.ports ?? []).map((port) => `${port}/tcp`)) },
    };
}

function pair(variable: string): [string, string] {
    const at = variable.indexOf("=");
    return [variable.slice(0, at), variable.slice(at + 1)];
}

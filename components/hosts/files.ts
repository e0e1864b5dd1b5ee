/** What the settings of configuration files come to for the agents. */
import { generationFolder, generationId, mediaLink } from "../../contract";
import type { ConfigurationFile } from "../../contract/configuration";
import type { Order } from "../../hosts/order";
import type { HostSettings } from "../../settings/hosts";
import { rendered, valuesOf } from "../../settings/hosts/files";
import { generationsOf } from "./generations";

const forbiddenFile = "secrets/forbidden";

/** The files of every host, and the folders that are looked through. */
export function configurationOf(settings: HostSettings): Pick<Order, "files" | "scan"> {
    const { files, target, forbidden } = settings;
    const values = valuesOf(settings);
    const texts = { [forbiddenFile]: JSON.stringify(forbidden?.texts ?? []) };
    const hosts = [...new Set(files.map(({ host }) => host))];
    const copies = copiesOf(settings);
    const written = files.map(({ host, path, text, owner, group, mode }, at) => {
        const textFile = `secrets/files/${at}`;
        const place = host === target.host ? placeIn(copies, path) : { path, inCopy: false };
        const plan: ConfigurationFile = {
            ...place,
            textFile,
            mode: Number.parseInt(mode, 8),
            ...(owner !== undefined && { owner }),
            ...(group !== undefined && { group }),
        };
        return { host, plan, secret: [textFile, rendered(text, values)] as const };
    });
    const looked = copies.filter(({ name }) => forbidden?.folders.includes(name));
    return {
        files: hosts.map((host) => {
            const own = written.filter((one) => one.host === host);
            return {
                host,
                plan: { files: own.map(({ plan }) => plan), forbiddenFile },
                secrets: { ...texts, ...Object.fromEntries(own.map(({ secret }) => secret)) },
            };
        }),
        ...(looked.length > 0 && {
            scan: {
                plan: {
                    folders: looked.map(({ folder }) => folder),
                    except: written.map(({ plan }) => plan.path),
                    forbiddenFile,
                },
                secrets: texts,
            },
        }),
    };
}

/** What the files are written again for; what is secret in them is not told. */
export function reasonsOfFiles({ files, forbidden }: HostSettings): Record<string, string> {
    const folders = forbidden?.folders ?? [];
    return {
        ...(files.length > 0 && { files: generationId({ files: JSON.stringify(files) }) }),
        ...(folders.length > 0 && { forbidden: folders.join(", ") }),
    };
}

/** A copy on the target. */
export interface Copy {
    name: string;
    /** What leads to it when it is live. */
    link: string;
    folder: string;
}

/** The copies that the settings ask for. */
export function copiesOf(settings: HostSettings): Copy[] {
    const { media, target, folders } = settings;
    const generations = generationsOf(settings);
    const copy = (name: string, to: string, id: string) => ({
        name,
        link: `${to}/${mediaLink}`,
        folder: `${to}/${generationFolder(id)}`,
    });
    return [
        ...(media?.mode === "copy" && target.media !== undefined
            ? [copy("media", target.media, generations.media)]
            : []),
        ...folders.map(({ name, to }) => copy(name, to, generations.folders[name] ?? "")),
    ];
}

/** Where a file of a live copy stands before that is the live one. */
function placeIn(copies: Copy[], path: string): Pick<ConfigurationFile, "path" | "inCopy"> {
    const copy = copies.find(({ link }) => path.startsWith(`${link}/`));
    return copy === undefined
        ? { path, inCopy: false }
        : { path: `${copy.folder}${path.slice(copy.link.length)}`, inCopy: true };
}

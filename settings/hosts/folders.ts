/** The part of a stack file that says which files are brought to the target besides the database, and from where. */
import { z } from "zod";
import { copiedMedia } from "../media";
import { absolutePath, label } from "../values";
import { hostName } from "./reach";

/** A folder as the target's machine has it, or one of another host. */
export const origin = z.union([absolutePath, z.strictObject({ host: hostName, folder: absolutePath })], {
    error: "write a folder that the target's machine has mounted, or {host, folder}",
});
export type OriginSettings = z.infer<typeof origin>;

export const permissions = z
    .string()
    .regex(/^[0-7]{3,4}$/, 'write permissions as chmod takes them, in quotes, such as "0640"');

/** What is copied, and how. */
export const copiedFiles = copiedMedia.omit({ volume: true, accessMode: true }).extend({
    /** Group of the copies, by its number on the target. */
    group: z.number().int().positive(),
    /** User whose the copies are, by its number on the target; the agent's if left out. */
    user: z.number().int().min(0).optional(),
    /** What may be done with the copies. Programs stay programs. */
    permissions: z.strictObject({ files: permissions, folders: permissions }).optional(),
});

/** A further folder. */
export const folder = copiedFiles.omit({ mode: true, references: true }).extend({
    /** What people call it. */
    name: label,
    from: origin,
    /** Folder for its copies on the target; `current` in it leads to the live one. */
    to: absolutePath,
});
export type FolderSettings = z.infer<typeof folder>;

/** The host that a folder comes from, if it is another one. */
export function hostOf(origin: OriginSettings | undefined): string | undefined {
    return typeof origin === "object" ? origin.host : undefined;
}

/** A folder for people. */
export function describeOrigin(origin: OriginSettings | undefined): string {
    return typeof origin === "object" ? `${origin.folder} on ${origin.host}` : (origin ?? "");
}

/** What is said of folders in two places that cannot both be meant. */
export function foldersContradictions(
    folders: FolderSettings[],
    media: { to: string | undefined; from: OriginSettings | undefined; isShared: boolean },
): string[] {
    const names = folders.map(({ name }) => name);
    const places = [...folders.map(({ to }) => to), ...(media.to === undefined ? [] : [media.to])];
    const twice = (all: string[]) => [...new Set(all.filter((one, at) => all.indexOf(one) !== at))];
    return [
        ...twice(names).map((name) => `folders holds ${name} a second time: write each folder once`),
        ...(names.includes("media")
            ? ["folders holds media, which is what target.media is called: choose another name"]
            : []),
        ...twice(places).map((place) => `${place} is to hold the copies of two folders: write a folder for each`),
        ...(media.isShared && typeof media.from === "object"
            ? [
                  "source.media is on another host, and media.mode is share-read-only: write copy, or mount it on the target",
              ]
            : []),
    ];
}

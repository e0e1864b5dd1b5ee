/** The part of a stack file that says which configuration files the replica has of its own, and what may be in none. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { besideStackFile, pathBeside } from "../beside";
import { absolutePath, label } from "../values";
import type { HostSettings } from ".";
import { copiedNames } from "./bundle";
import { permissions } from "./folders";
import { hostName } from "./reach";

/** A file that is rendered from a template. */
export const file = z
    .strictObject({
        host: hostName,
        path: absolutePath,
        /** A file beside the stack file, in which `{{database.name}}` and the like stand for the replica's values. */
        template: pathBeside,
        /** User and group by their numbers on the host; the agent's if left out. */
        owner: z.number().int().min(0).optional(),
        group: z.number().int().min(0).optional(),
        mode: permissions.default("0600"),
    })
    .transform((written, context) => {
        try {
            return { ...written, text: readFileSync(besideStackFile(written.template), "utf8") };
        } catch (error) {
            context.addIssue(`${written.template} cannot be read (${(error as NodeJS.ErrnoException).code})`);
            return z.NEVER;
        }
    });
export type FileSettings = z.infer<typeof file>;

/** What may be nowhere: production's host names, the names of its databases, its passwords. */
export const forbidden = z.strictObject({
    /** Encrypted or not. They are looked for in every file of `files`. */
    texts: z.array(z.string().min(4)).min(1),
    /** Names of folders whose files are looked through as well, and `media`. */
    folders: z.array(label).default([]),
});

/** What stands for a value in a template. */
const named = /\{\{\s*([\w.-]+)\s*\}\}/g;

/** What templates can name, with their values. */
export function valuesOf({ database, target, media, source, folders, secrets }: HostSettings): Map<string, string> {
    const files = media?.mode === "copy" ? `${target.media}/current` : media && source.media;
    return new Map([
        ["database.host", target.server.host],
        ["database.port", String(target.server.port)],
        ["database.name", database.name],
        ["database.user", target.login.user],
        ["database.password", target.login.password],
        ...(typeof files === "string" ? [["media", files] as const] : []),
        ...folders.map(({ name, to }) => [`folders.${name}`, `${to}/current`] as const),
        ...Object.entries(secrets).flatMap(([name, keys]) =>
            Object.entries(keys).map(([key, text]) => [`secrets.${name}.${key}`, text] as const),
        ),
    ]);
}

/** A template with its values. What it names has to be known. */
export function rendered(text: string, values: Map<string, string>): string {
    return text.replaceAll(named, (_, name: string) => values.get(name) ?? "");
}

/** What is said of files in two places that cannot both be meant. */
export function filesContradictions(settings: HostSettings): string[] {
    const { files, forbidden } = settings;
    const values = valuesOf(settings);
    const unknown = files.flatMap(({ template, text }, at) =>
        text
            .split("\n")
            .flatMap((line, number) =>
                [...line.matchAll(named)]
                    .flatMap(([, name = ""]) => (values.has(name) ? [] : [name]))
                    .map(
                        (name) =>
                            `files.${at}.template ${template} names ${name} in line ${number + 1}, which nobody knows: write one of ` +
                            [...values.keys()].join(", "),
                    ),
            ),
    );
    const places = files.map(({ host, path }) => `${path} on ${host}`);
    const twice = [...new Set(places.filter((one, at) => places.indexOf(one) !== at))];
    const known = copiedNames(settings);
    const strange = (forbidden?.folders ?? []).filter((name) => !known.includes(name));
    return [
        ...unknown,
        ...twice.map((place) => `files holds ${place} a second time: write each file once`),
        ...strange.map(
            (name) =>
                `forbidden.folders holds ${name}, which is no folder that is copied: ` +
                (known.length === 0 ? "leave it out" : `write one of ${known.join(", ")}`),
        ),
    ];
}

/** The part of a stack file that says what developers start on machines of their own. */
import { z } from "zod";
import { absolutePath, label, port } from "../values";
import type { HostSettings } from ".";

export const bundle = z.strictObject({
    /** Image of the application. The database alone is started without a `bundle`. */
    image: z.string().min(1),
    /** Port that it listens on, and the one by which the developer's own machine leads there. */
    port: port.default(80),
    publish: port.default(8080),
    /** Where the application has the folders that are copied, by their names, and `media`. */
    folders: z.record(label, absolutePath).default({}),
});
export type BundleSettings = z.infer<typeof bundle>;

/** Names of what is copied besides the database. */
export function copiedNames({ folders, media }: Pick<HostSettings, "folders" | "media">): string[] {
    return [...(media?.mode === "copy" ? ["media"] : []), ...folders.map(({ name }) => name)];
}

/** Folders that are named and not there. */
export function bundleContradictions(settings: HostSettings): string[] {
    const known = copiedNames(settings);
    return Object.keys(settings.bundle?.folders ?? {})
        .filter((name) => !known.includes(name))
        .map(
            (name) =>
                `bundle.folders has ${name}, which is no folder that is copied: ` +
                (known.length === 0 ? "leave it out" : `write one of ${known.join(", ")}`),
        );
}

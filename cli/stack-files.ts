import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import yaml from "js-yaml";
import { firstLine } from "../cluster";
import { encrypted } from "../settings/values";

/** The stacks that a folder has files of, in the order of their names. */
export async function stacksIn(folder: string): Promise<string[]> {
    const names = (await readdir(folder)).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
    return names.toSorted();
}

/**
 * The configuration in a stack's file, as Pulumi has it; in the place of a text that is encrypted stands another.
 *
 * @throws Error when there is no such file, or it is no YAML
 */
export async function readStackFile(folder: string, stack: string): Promise<Record<string, string>> {
    const name = `Pulumi.${stack}.yaml`;
    const { config = {} } = parsed(name, await textOf(folder, name));
    const texts = Object.entries(config).map(([key, value]) => {
        const plain = withoutSecrets(value);
        return [key, typeof plain === "string" ? plain : JSON.stringify(plain)];
    });
    return Object.fromEntries(texts);
}

async function textOf(folder: string, name: string): Promise<string> {
    try {
        return await readFile(path.join(folder, name), "utf8");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
            throw error;
        }
        throw new Error(`There is no ${name} in this folder: write the name of a stack that has its file here.`);
    }
}

function parsed(name: string, text: string): { config?: Record<string, unknown> } {
    try {
        return (yaml.load(text) ?? {}) as { config?: Record<string, unknown> };
    } catch (error) {
        // What follows the first line repeats the file.
        throw new Error(`${name} is not YAML: ${firstLine(error)}. Correct that line.`);
    }
}

function withoutSecrets(value: unknown): unknown {
    if (typeof value !== "object" || value === null) {
        return value;
    }
    if (Array.isArray(value)) {
        return value.map(withoutSecrets);
    }
    return typeof (value as { secure?: unknown }).secure === "string"
        ? encrypted
        : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}

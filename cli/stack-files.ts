import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import yaml from "js-yaml";

/** The stacks that a folder has files of, in the order of their names. */
export async function stacksIn(folder: string): Promise<string[]> {
    const names = (await readdir(folder)).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
    return names.toSorted();
}

/**
 * The configuration in a stack's file, as Pulumi has it.
 *
 * @throws Error when there is no such file, or it is no YAML
 */
export async function readStackFile(folder: string, stack: string): Promise<Record<string, string>> {
    const file = yaml.load(await readFile(path.join(folder, `Pulumi.${stack}.yaml`), "utf8"));
    const { config = {} } = (file ?? {}) as { config?: Record<string, unknown> };
    const texts = Object.entries(config).map(([key, value]) => [
        key,
        typeof value === "string" ? value : JSON.stringify(value),
    ]);
    return Object.fromEntries(texts);
}

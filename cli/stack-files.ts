import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import yaml from "js-yaml";

/** What a folder's stack files hold, by stack, in the order of their names. */
export async function stackFilesIn(folder: string): Promise<[stack: string, config: Record<string, string>][]> {
    const names = (await readdir(folder)).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
    return Promise.all(
        names.toSorted().map(async (stack): Promise<[string, Record<string, string>]> => {
            const file = yaml.load(await readFile(path.join(folder, `Pulumi.${stack}.yaml`), "utf8"));
            const { config = {} } = (file ?? {}) as { config?: Record<string, unknown> };
            const texts = Object.entries(config).map(([key, value]): [string, string] => [
                key,
                typeof value === "string" ? value : JSON.stringify(value),
            ]);
            return [stack, Object.fromEntries(texts)];
        }),
    );
}

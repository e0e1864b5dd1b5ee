import { basename, dirname } from "node:path";
import { hashOf } from "../cache";
import { run } from "../command";
import { ctr } from "./containers";
import type { Layout } from "./layout";

/** containerd itself keeps the record of what was loaded, so that the record can never differ from what is there. */
const label = "understudy.archive";

/**
 * Loads image archives into a running containerd, except those that it has from the same archives already. The archives must be those of
 * {@link buildImage} and its like, whose paths change with their content.
 */
export async function importArchives(layout: Layout, archives: readonly string[]): Promise<void> {
    for (const archive of archives) {
        const mark = `${label}=${hashOf(basename(dirname(archive)), basename(archive))}`;
        if ((await ctr(layout, ["images", "list"])).includes(mark)) {
            continue;
        }
        await ctr(layout, ["images", "import", archive], 600_000);
        const tags = await tagsIn(archive);
        const names = (await ctr(layout, ["images", "list", "--quiet"])).split("\n");
        // containerd gives a short tag its full form.
        for (const name of names.filter((full) => tags.some((tag) => full === tag || full.endsWith(`/${tag}`)))) {
            await ctr(layout, ["images", "label", name, mark]);
        }
    }
}

async function tagsIn(archive: string): Promise<string[]> {
    const manifest = JSON.parse(await run("tar", ["--extract", "--to-stdout", `--file=${archive}`, "manifest.json"]));
    return (manifest as { RepoTags: string[] }[]).flatMap(({ RepoTags }) => RepoTags);
}

import { readdir } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { type ImageFile, type ImageSpec, nodeImage } from "../dev/cluster/images";
import { production } from "./production";

const source = path.join(__dirname, "application");

/**
 * The application's image: its programs, each bundled into one file, and the data that the seed loads, which is Debian's
 * package index and an icon theme.
 */
export async function demoImage(): Promise<ImageSpec> {
    const { image } = production.application;
    return {
        tags: [image, image.replace(/[^:]+$/, production.candidate)],
        base: await nodeImage(),
        packages: ["elementary-xfce-icon-theme", "rsync"],
        keepIndex: true,
        files: [...(await programs("catalogue", "seed", "activity", "digest")), ...(await schemas())],
        user: "1000:1000",
        workdir: "/app",
        ports: [production.application.port],
        cmd: ["node", "/app/catalogue.js"],
    };
}

async function programs(...names: string[]): Promise<ImageFile[]> {
    const bundled = await build({
        entryPoints: names.map((name) => path.join(source, `${name}.ts`)),
        outdir: "/app",
        bundle: true,
        platform: "node",
        target: "node20",
        // `pg` looks for its native twin, which is not wanted.
        external: ["pg-native"],
        write: false,
    });
    return bundled.outputFiles.map((file) => ({ path: file.path, content: file.text }));
}

async function schemas(): Promise<ImageFile[]> {
    const folder = path.join(source, "schema");
    return (await readdir(folder)).map((file) => ({ path: `/app/schema/${file}`, from: path.join(folder, file) }));
}

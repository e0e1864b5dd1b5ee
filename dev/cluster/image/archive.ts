import { createHash } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { run } from "../../command";
import type { Changes } from "./changes";

/** One step of an image's file system: a tar file that adds to, changes or takes away from those below. */
export interface Layer {
    file: string;
    /** SHA-256 of the file, in hexadecimal. */
    digest: string;
}

/** How an image's program is started; the keys are those of the image format. */
export interface ImageConfig {
    Env?: string[];
    Entrypoint?: string[];
    Cmd?: string[];
    User?: string;
    WorkingDir?: string;
    StopSignal?: string;
    Volumes?: Record<string, object>;
    ExposedPorts?: Record<string, object>;
}

/** Packs what has changed in a folder as a layer; a path that is gone is marked by an empty file whose name begins with `.wh.`. */
export async function packLayer(root: string, { changed, gone }: Changes, file: string): Promise<Layer> {
    const marks = `${file}.gone`;
    const names = gone.map((path) => join(dirname(path), `.wh.${basename(path)}`));
    for (const name of names) {
        mkdirSync(join(marks, dirname(name)), { recursive: true });
        writeFileSync(join(marks, name), "");
    }
    await tar(["--create", `--file=${file}`, `--directory=${root}`], changed);
    if (names.length > 0) {
        await tar(["--append", `--file=${file}`, `--directory=${marks}`], names);
        rmSync(marks, { recursive: true });
    }
    const [digest = ""] = (await run("sha256sum", [file])).split(" ");
    return { file, digest };
}

/** Folders come without their content: that is listed too. */
function tar(args: string[], paths: string[]): Promise<string> {
    const list = ["--numeric-owner", "--no-recursion", "--null", "--verbatim-files-from", "--files-from=-"];
    return run("tar", [...args, ...list], { input: paths.join("\0") });
}

/** Writes an image in the format of `docker save`, which every container tool loads. */
export async function writeArchive(
    out: string,
    tags: readonly string[],
    layers: readonly Layer[],
    config: ImageConfig,
): Promise<void> {
    const stage = `${out}.parts`;
    mkdirSync(stage);
    const description = JSON.stringify({
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        os: "linux",
        config,
        rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    });
    const name = `${createHash("sha256").update(description).digest("hex")}.json`;
    const packed = layers.map(({ digest }) => `${digest}.tar`);
    const manifest = [{ Config: name, RepoTags: tags, Layers: packed }];
    writeFileSync(join(stage, name), description);
    writeFileSync(join(stage, "manifest.json"), JSON.stringify(manifest));
    for (const { file, digest } of layers) {
        symlinkSync(file, join(stage, `${digest}.tar`));
    }
    await run("tar", [
        "--create",
        `--file=${out}`,
        `--directory=${stage}`,
        "--dereference",
        "manifest.json",
        name,
        ...packed,
    ]);
    rmSync(stage, { recursive: true });
}

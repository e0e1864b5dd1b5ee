import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { version } from "@pulumi/pulumi/package.json";
import { cache, hashOf, once } from "../cache";
import { run } from "../command";
import { goProgram, isAtLeast } from "../go";
import { step } from "../step";

/** The Pulumi CLI, and where it keeps what it downloads. */
export interface Engine {
    /** The path of the CLI. */
    command: string;
    /** Its version, such as `3.246.0`. */
    version: string;
    /** Where it comes from: installed by the user; fetched by Pulumi's own installer; or built here. */
    origin: "PATH" | "installer" | "go modules";
    /** A folder to be set as PULUMI_HOME: the user's own, with logins and plugins, stays untouched. */
    home: string;
}

/** The release that dev/engine/go builds, and the oldest that will do. */
const oldest = "3.246.0";

/**
 * The Pulumi CLI: that on PATH if it is new enough, else one from Pulumi's own installer, else one built from Go modules. Both of the
 * latter are made once and kept in the cache.
 *
 * @throws Error that says what to install, if there is no way to get one.
 */
export async function ensureEngine(): Promise<Engine> {
    const home = join(cache, "engine", "home");
    mkdirSync(home, { recursive: true });
    for (const [origin, find] of [
        ["PATH", findOnPath],
        ["installer", install],
        ["go modules", build],
    ] as const) {
        const command = await find();
        const found = command && (await versionOf(command, home));
        if (command && found && isAtLeast(found, oldest)) {
            return { command, version: found, origin, home };
        }
    }
    throw new Error(`Pulumi ${oldest} or later is needed: https://www.pulumi.com/docs/install`);
}

async function findOnPath(): Promise<string | undefined> {
    const found = await run("sh", ["-c", "command -v pulumi"]).catch(() => "");
    return found.trim() || undefined;
}

/** The installer that the SDK brings; undefined where the network does not reach its download. */
async function install(): Promise<string | undefined> {
    try {
        const folder = await once("pulumi-installer", hashOf(version), async (root) => {
            await checkReachable("https://get.pulumi.com/install.sh");
            await step(`install Pulumi ${version}`, () => PulumiCommand.install({ root }));
        });
        return join(folder, "bin", "pulumi");
    } catch {
        return undefined;
    }
}

/** The installer itself would wait for minutes for a network that drops what it does not let through. */
async function checkReachable(address: string): Promise<void> {
    const answer = await fetch(address, { method: "HEAD", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) {
        throw new Error(`${address} answers with status ${answer.status}.`);
    }
}

function build(): Promise<string> {
    return goProgram({
        name: "pulumi",
        module: join(__dirname, "go"),
        package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        tags: ["osusergo", "grpcnotrace"],
        variables: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${oldest}` },
        usual: "3-5 min",
    });
}

async function versionOf(command: string, home: string): Promise<string | undefined> {
    const env = { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" };
    const output = await run(command, ["version"], { env, timeout: 30_000 }).catch(() => "");
    return /^v?(\d+\.\d+\.\d+)/.exec(output.trim())?.[1];
}

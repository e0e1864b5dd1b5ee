import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hashOf, hashOfPath, once } from "./cache";
import { run } from "./command";
import { installPackages } from "./packages";
import { step } from "./step";

/** A program to be built from a Go module of this folder and the modules that it names. */
export interface GoProgram {
    /** What the program is called, in messages and as the file made. */
    name: string;
    /** The folder with go.mod and go.sum. */
    module: string;
    /** The package to build; the module's own if left out. */
    package?: string;
    /** Build tags. */
    tags?: string[];
    /** Strings to set at link time, by the variable's full name: versions, as a rule. */
    variables?: Record<string, string>;
    /** How long it takes where nothing is cached, for people to know: `6-9 min`. */
    usual: string;
}

/** The Go release that is fetched where none, or too old a one, is installed. */
const toolchain = "1.26.8";

/**
 * The path of the program, built now unless it was before from the same sources.
 *
 * @throws Error that says what to install, if there is no Go and none can be had.
 */
export async function goProgram(program: GoProgram): Promise<string> {
    const { name, module, tags = [], variables = {} } = program;
    const key = hashOf(hashOfPath(module), program.package, tags, variables);
    const folder = await once(name, key, (partial) =>
        step(`build ${name} from Go modules (once; ${program.usual} on two cores)`, async () => {
            const settings = Object.entries(variables).map(([variable, value]) => ` -X ${variable}=${value}`);
            const args = [
                "build",
                "-trimpath",
                "-buildvcs=false",
                "-mod=readonly",
                "-ldflags",
                `-s -w${settings.join("")}`,
            ];
            args.push("-tags", tags.join(","), "-o", join(partial, name));
            await run(await goCommand(neededVersion(module)), [...args, program.package ?? "."], {
                cwd: module,
                env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "" },
            });
        }),
    );
    return join(folder, name);
}

/** The version that a module's go.mod asks for. */
function neededVersion(module: string): string {
    const line = /^go (\S+)$/m.exec(readFileSync(join(module, "go.mod"), "utf8"));
    return line?.[1] ?? "1.24";
}

/** A Go that is new enough: the installed one, or one that the installed one, or Debian's, fetches as a module. */
async function goCommand(needed: string): Promise<string> {
    const installed = await installedVersion();
    if (installed !== undefined && isAtLeast(installed, needed)) {
        return "go";
    }
    if (installed === undefined) {
        await installPackages(["golang-go"]).catch((error: Error) => {
            throw new Error(`Go ${needed} or later is needed: install it from https://go.dev/dl (${error.message})`);
        });
    }
    return fetchedToolchain();
}

async function installedVersion(): Promise<string | undefined> {
    const output = await run("go", ["env", "GOVERSION"], { cwd: "/" }).catch(() => undefined);
    return output === undefined ? undefined : /go(\d[\d.]*)/.exec(output)?.[1];
}

/** Compares versions number by number: 1.26 is later than 1.9. */
export function isAtLeast(version: string, needed: string): boolean {
    const [have, want] = [version, needed].map((text) => text.split(".").map(Number));
    for (let i = 0; i < 3; i++) {
        const difference = (have?.[i] ?? 0) - (want?.[i] ?? 0);
        if (difference !== 0) {
            return difference > 0;
        }
    }
    return true;
}

/** Go releases are published as modules too; any Go can download one, only newer ones know how to run it. */
async function fetchedToolchain(): Promise<string> {
    const architecture = process.arch === "x64" ? "amd64" : process.arch;
    const version = `v0.0.1-go${toolchain}.linux-${architecture}`;
    const answer = await run("go", ["mod", "download", "-json", `golang.org/toolchain@${version}`], {
        cwd: "/",
        env: { ...process.env, GOFLAGS: "-mod=mod" },
        timeout: 600_000,
    }).catch((error: Error) => {
        throw new Error(
            `Go ${toolchain} is needed and could not be fetched; install it from https://go.dev/dl. ${error.message}`,
        );
    });
    const { Dir: root } = JSON.parse(answer) as { Dir: string };
    makeRunnable(join(root, "bin"));
    makeRunnable(join(root, "pkg", "tool"));
    return join(root, "bin", "go");
}

/** A module's files come without the permission to run them. */
function makeRunnable(folder: string): void {
    for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) {
            makeRunnable(path);
        } else {
            chmodSync(path, 0o755);
        }
    }
}

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache } from "./cache";
import { run } from "./command";
import { withLock } from "./lock";
import { step } from "./step";

const policyFile = "/usr/sbin/policy-rc.d";
const policy =
    "#!/bin/sh\n# Written by understudy while it installs packages: none of their services may start.\nexit 101\n";
let indexIsFresh = false;

/**
 * Installs those of the named Debian packages that are absent, without what they merely recommend. None of their services is
 * started. The package index is brought up to date only when the one at hand does not suffice, and once at most.
 *
 * @throws Error that says what to install by hand, if this is no Debian, or not root.
 */
export async function installPackages(names: readonly string[]): Promise<void> {
    const absent = await absentPackages(names);
    if (absent.length === 0) {
        return;
    }
    const list = absent.join(" ");
    if (!existsSync("/usr/bin/apt-get")) {
        throw new Error(`This machine has no apt-get. Install by hand what Debian packages as: ${list}.`);
    }
    if (process.getuid?.() !== 0) {
        throw new Error(`Packages are missing and only root may install them: sudo apt-get install ${list}`);
    }
    await step(`install ${list}`, () => withLock(join(cache, "locks", "packages"), () => install(absent)));
}

async function absentPackages(names: readonly string[]): Promise<string[]> {
    const present = new Set<string>();
    if (existsSync("/usr/bin/dpkg-query")) {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders.
        const listing = await run("dpkg-query", ["--show", "--showformat", "${db:Status-Status} ${Package}\\n"]);
        for (const line of listing.split("\n")) {
            const [status, name] = line.split(" ");
            if (status === "installed" && name) {
                present.add(name);
            }
        }
    }
    return names.filter((name) => !present.has(name));
}

async function install(names: readonly string[]): Promise<void> {
    const ownPolicy = forbidServices();
    try {
        await aptInstall(names).catch(async (error: Error) => {
            if (indexIsFresh) {
                throw error;
            }
            await run("apt-get", ["--quiet", "update"], { timeout: 1_200_000 });
            indexIsFresh = true;
            await aptInstall(names);
        });
    } finally {
        if (ownPolicy) {
            rmSync(policyFile, { force: true });
        }
    }
}

function aptInstall(names: readonly string[]): Promise<string> {
    const options = ["--yes", "--quiet", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    return run("apt-get", [...options, "install", ...names], {
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
        timeout: 900_000,
    });
}

/** A machine with a policy of its own keeps it; one left behind by a killed run of ours is taken over and removed. */
function forbidServices(): boolean {
    if (existsSync(policyFile) && readFileSync(policyFile, "utf8") !== policy) {
        return false;
    }
    writeFileSync(policyFile, policy, { mode: 0o755 });
    return true;
}

// The one way into the programs of this folder. Plain JavaScript, because it runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const [command, ...rest] = process.argv.slice(2);

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
    fail(`This is Node ${process.versions.node}; understudy needs Node 20.19 or later: https://nodejs.org/en/download`);
}
const program = join(project, "dev", `${command}.ts`);
if (!/^[a-z]+$/.test(command ?? "") || !existsSync(program)) {
    fail("Say which program to run: npm run demo, npm test, npm run bench or npm run cluster.");
}
if (!isInstalled()) {
    install();
}
execute(program, rest);

/**
 * Whether node_modules holds what package-lock.json names. npm writes its own copy of the lock file as the last act of
 * an installation, so one that was killed half-way has none, or the former one, which differs.
 */
function isInstalled() {
    const wanted = lockedPackages(join(project, "package-lock.json"));
    const present = lockedPackages(join(project, "node_modules", ".package-lock.json"));
    const versionOf = (packages, path) => packages[path]?.resolved ?? packages[path]?.version;
    return (
        Object.keys(present).every((path) => versionOf(present, path) === versionOf(wanted, path)) &&
        Object.entries(wanted).every(([path, entry]) => isDispensable(path, entry) || path in present)
    );
}

/** Builds for other systems than this one are listed in the lock file and never installed; "" is the project itself. */
function isDispensable(path, entry) {
    return path === "" || entry.optional === true || entry.devOptional === true;
}

function lockedPackages(file) {
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

function install() {
    console.error("Installing the packages of package-lock.json …");
    const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
        cwd: project,
        stdio: ["ignore", 2, 2],
    });
    if (npm.status !== 0) {
        fail("npm ci did not succeed; its reason is above.");
    }
}

/** Becomes the program: its output, its exit status, and the signals sent to either. */
function execute(file, args) {
    const tsx = join(project, "node_modules", "tsx", "dist", "cli.mjs");
    const child = spawn(process.execPath, [tsx, file, ...args], { cwd: project, stdio: "inherit" });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
        process.on(signal, () => child.kill(signal));
    }
    child.on("exit", (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

function fail(sentence) {
    console.error(sentence);
    process.exit(1);
}

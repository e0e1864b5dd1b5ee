/**
 * `npm test`: every test, on servers and a cluster that are started for it. The last line is
 * `N passed, N failed, N skipped`; a skip that is not in test/skips.json with its reason fails the run.
 *
 * `npm test -- <filter>` runs the files whose path contains the filter.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { lanes } from "../test/scenario/lane";
import { startCluster, stopCluster } from "./cluster/index";
import { run } from "./command";
import { mariadbPackages } from "./mariadb";
import { installPackages } from "./packages";
import { duration, step } from "./step";
import { forgetWorkspace } from "./workspace";

/** What vitest's JSON reporter tells of a run, as far as it matters here. */
interface Report {
    numPassedTests: number;
    testResults: {
        name: string;
        status: string;
        message: string;
        assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
    }[];
}

interface Count {
    passed: number;
    /** Names of the failed, each with its reason. */
    failed: string[];
    /** Names of the skipped. */
    skipped: string[];
}

/** Lines of a reason that are told again at the end: what was expected and found, and where. */
const reasonLines = 30;

const project = path.dirname(__dirname);

async function main(filters: string[]): Promise<number> {
    const started = Date.now();
    await installPackages([
        ...["postgresql-15", "pgbouncer", "chromium", "rsync", "xfsprogs", "openssh-server"],
        ...mariadbPackages,
    ]);
    const counts = [
        await check("formatting, lint rules and types", "npm", ["run", "--silent", "check"]),
        await vitest("unit", filters),
        await vitest("local", filters),
        await onClusters(() => vitest("cluster", filters)),
    ];
    const skipped = counts.flatMap((count) => count.skipped);
    const unexplained = await withoutReason(skipped);
    const failed = [
        ...counts.flatMap((count) => count.failed),
        ...unexplained.map((name) => `${name} (skipped without a reason in test/skips.json)`),
    ];
    const passed = counts.reduce((total, count) => total + count.passed, 0);
    console.error(`All tests took ${duration(Date.now() - started)}.`);
    for (const name of failed) {
        console.error(`✗ ${name}`);
    }
    console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
    return failed.length === 0 && passed > 0 ? 0 : 1;
}

/** Scenarios begin on clusters without objects, whatever an earlier run has left, and leave none running. */
async function onClusters(work: () => Promise<Count>): Promise<Count> {
    try {
        for (const { cluster, stores, workspace } of lanes) {
            await forgetWorkspace(workspace);
            // A run that was killed may have left its cluster, and a test's hands in the stores.
            await stopCluster(cluster);
            await rm(stores, { recursive: true, force: true });
            await startCluster(cluster, { fresh: true });
        }
        return await work();
    } finally {
        await Promise.all(lanes.map(({ cluster }) => stopCluster(cluster)));
    }
}

/** One check that counts as a test. */
async function check(title: string, command: string, args: string[]): Promise<Count> {
    try {
        await step(title, () => run(command, args, { cwd: project }));
        return { passed: 1, failed: [], skipped: [] };
    } catch (error) {
        return { passed: 0, failed: [because(title, (error as Error).message)], skipped: [] };
    }
}

/** One of the projects of vitest.config.mts. */
async function vitest(name: string, filters: string[]): Promise<Count> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "understudy-test-"));
    const file = path.join(folder, "report.json");
    try {
        const entry = path.join(project, "node_modules/vitest/vitest.mjs");
        const options = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${file}`, "--passWithNoTests"];
        const child = spawn(process.execPath, [entry, "run", `--project=${name}`, ...options, ...filters], {
            cwd: project,
            // The last line of standard output is for the count.
            stdio: ["ignore", 2, 2],
        });
        const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
        return counted(name, JSON.parse(await readFile(file, "utf8")), status);
    } catch (error) {
        console.error(`The tests of ${name} came to no report: ${(error as Error).message}`);
        return { passed: 0, failed: [`the tests of ${name}`], skipped: [] };
    } finally {
        await rm(folder, { recursive: true });
    }
}

/** A file that failed outside of its tests, or an error between them, counts as one more failure. */
function counted(name: string, report: Report, status: number): Count {
    const tests = report.testResults.flatMap((file) => file.assertionResults);
    const failed = [
        ...tests
            .filter(({ status }) => status === "failed")
            .map(({ fullName, failureMessages }) => because(fullName, failureMessages?.join("\n"))),
        ...report.testResults
            .filter(
                (file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"),
            )
            .map((file) => because(`${path.relative(project, file.name)}, outside of its tests`, file.message)),
    ];
    return {
        passed: report.numPassedTests,
        failed: failed.length === 0 && status !== 0 ? [`an error between the tests of ${name}`] : failed,
        skipped: tests
            .filter(({ status }) => status !== "passed" && status !== "failed")
            .map(({ fullName }) => fullName),
    };
}

/** A failure and what it came of, which is long out of sight when everything has run. */
function because(name: string, reason = ""): string {
    return [name, ...reason.split("\n").slice(0, reasonLines)].join("\n    ").trimEnd();
}

async function withoutReason(skipped: string[]): Promise<string[]> {
    const reasons = JSON.parse(await readFile(path.join(project, "test/skips.json"), "utf8")) as Record<string, string>;
    return skipped.filter((name) => !reasons[name]);
}

main(process.argv.slice(2)).then(
    (status) => process.exit(status),
    (error: Error) => {
        console.error(error.message);
        console.log("0 passed, 1 failed, 0 skipped");
        process.exit(1);
    },
);

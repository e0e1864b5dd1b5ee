/**
 * `npm test`: every test, on servers and a cluster that are started for it. The last line is
 * `N passed, N failed, N skipped`; a skip that is not in test/skips.json with its reason fails the run.
 *
 * Of the long tables and files an ordinary run takes those that are due, a fourth each day (test/due.ts). `npm test --
 * --every` takes all; `npm test -- <filter>` all of the files whose path contains the filter. `--within 80` cuts
 * the tests off after so many minutes, and names those that are missing: for machines that end a run which takes longer.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { lanes } from "../test/scenario/lane";
import { waitingOn } from "../test/turns";
import { startCluster, stopCluster } from "./cluster/index";
import { run } from "./command";
import { mariadbPackages } from "./mariadb";
import { installPackages } from "./packages";
import { duration, step } from "./step";
import { wordpressPackages } from "./wordpress";
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
    /** Names of those that the deadline left no time for: tests, and paths of files that were not begun. */
    late: string[];
}

/** Lines of a reason that are told again at the end: what was expected and found, and where. */
const reasonLines = 30;

const project = path.dirname(__dirname);

async function main(args: string[]): Promise<number> {
    const started = Date.now();
    const { positionals: filters, values } = parseArgs({
        args,
        allowPositionals: true,
        options: { every: { type: "boolean" }, within: { type: "string" } },
    });
    const isPart = values.every !== true && filters.length === 0;
    const day = Number(process.env.UNDERSTUDY_TEST_DAY ?? Math.floor(started / 86_400_000));
    const waiting = isPart ? waitingOn(day) : [];
    if (isPart) {
        process.env.UNDERSTUDY_TEST_DAY = `${day}`;
        console.error(
            `Of long tables a fourth is due on day ${day}, and of long files all but ${waiting.length}; --every runs all.`,
        );
    } else {
        delete process.env.UNDERSTUDY_TEST_DAY;
    }
    const limit = Number(values.within ?? "Infinity") * 60_000;
    if (!(limit > 0)) {
        throw new Error(`--within ${values.within} is no number of minutes: write one above 0, such as --within 80.`);
    }
    // A machine that is too slow for the others within this is too slow for clusters, which take what is left.
    const until = { local: started + 0.8 * limit, cluster: started + limit };
    await installPackages([
        ...["postgresql-15", "pgbouncer", "chromium", "rsync", "xfsprogs", "openssh-server"],
        ...mariadbPackages,
        ...wordpressPackages,
    ]);
    const chosen = [...filters, ...waiting.map((file) => `--exclude=${file}`)];
    const counts = [
        await check("formatting, lint rules and types", "npm", ["run", "--silent", "check"]),
        await vitest("unit", chosen, until.local),
        await vitest("local", chosen, until.local),
        await onClusters(() => vitest("cluster", chosen, until.cluster)),
    ];
    const late = counts.flatMap((count) => count.late);
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
    for (const name of late) {
        console.error(`no time left within ${values.within} minutes: ${name}`);
    }
    console.log(`${passed} passed, ${failed.length} failed, ${skipped.length + late.length} skipped`);
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
        return { passed: 1, failed: [], skipped: [], late: [] };
    } catch (error) {
        return { passed: 0, failed: [because(title, (error as Error).message)], skipped: [], late: [] };
    }
}

/** One of the projects of vitest.config.mts, which is cut off at `until`, in milliseconds since 1970. */
async function vitest(name: string, chosen: string[], until: number): Promise<Count> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "understudy-test-"));
    const file = path.join(folder, "report.json");
    try {
        const entry = path.join(project, "node_modules/vitest/vitest.mjs");
        const reporters = ["verbose", "json", ...(Number.isFinite(until) ? [path.join(__dirname, "deadline.ts")] : [])];
        const options = [`--outputFile.json=${file}`, "--passWithNoTests"];
        const flags = [`--project=${name}`, ...reporters.map((one) => `--reporter=${one}`), ...options];
        const child = spawn(process.execPath, [entry, "run", ...flags, ...chosen], {
            cwd: project,
            env: { ...process.env, UNDERSTUDY_TEST_UNTIL: `${until}` },
            // The last line of standard output is for the count.
            stdio: ["ignore", 2, 2],
        });
        const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
        return counted(name, JSON.parse(await readFile(file, "utf8")), status, Date.now() >= until);
    } catch (error) {
        console.error(`The tests of ${name} came to no report: ${(error as Error).message}`);
        return { passed: 0, failed: [`the tests of ${name}`], skipped: [], late: [] };
    } finally {
        await rm(folder, { recursive: true });
    }
}

/**
 * A file that failed outside of its tests, or an error between them, counts as one more failure. After the deadline what
 * is skipped is `late`, and so is a file without tests, which was not begun, and one that was cut off in the middle.
 */
function counted(name: string, report: Report, status: number, over: boolean): Count {
    const tests = report.testResults.flatMap((file) => file.assertionResults);
    const outside = report.testResults
        .filter((file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"))
        .map((file) => because(`${path.relative(project, file.name)}, outside of its tests`, file.message));
    const failed = [
        ...tests
            .filter(({ status }) => status === "failed")
            .map(({ fullName, failureMessages }) => because(fullName, failureMessages?.join("\n"))),
        ...(over ? [] : outside),
    ];
    const skipped = tests
        .filter(({ status }) => status !== "passed" && status !== "failed")
        .map(({ fullName }) => fullName);
    const notBegun = report.testResults
        .filter((file) => file.status !== "failed" && file.assertionResults.length === 0)
        .map((file) => path.relative(project, file.name));
    return {
        passed: report.numPassedTests,
        // Whoever is stopped by the deadline says so by its status too.
        failed: failed.length === 0 && status !== 0 && !over ? [`an error between the tests of ${name}`] : failed,
        skipped: over ? [] : skipped,
        late: over ? [...skipped, ...notBegun, ...outside] : [],
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

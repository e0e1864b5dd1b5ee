/**
 * `npm run demo`: everything from nothing to a replica that answers, on the demo's production.
 * `npm run demo -- down`: removes all of it.
 * `npm run demo -- run status demo`: any command of `understudy` on it.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { deployProduction, removeProduction, replicateMedia, takeBackup } from "../demo/production";
import { type Cluster, removeCluster, startCluster } from "./cluster/index";
import { provideImages } from "./images";
import { duration, step } from "./step";
import { described, forgetWorkspace, openWorkspace, understudy, type Workspace } from "./workspace";

const name = "demo";
const nodePort = 30080;

async function up(): Promise<void> {
    const started = Date.now();
    console.error(
        "On a fresh machine this builds Kubernetes and Pulumi first: 15 to 25 minutes, once. Later runs take a minute or two.",
    );
    const cluster = await startCluster(name);
    const workspace = await demoWorkspace(cluster);
    const toLoad = await provideImages(cluster);
    if (toLoad !== undefined) {
        console.error(`${toLoad}. Then run npm run demo again, if it stops for want of them.`);
    }
    await deployProduction(cluster);
    await step("let production replicate its media", () => replicateMedia(cluster));
    const stamp = await step("let production take a backup", () => takeBackup(cluster));
    console.error(`understudy up ${name} (${described(workspace)})`);
    await operate(workspace, ["up", name]);
    const address = `http://${cluster.address}:${nodePort}/`;
    await step(`ask ${address}`, () => answers(address));
    console.log(`The replica of ${stamp} answers at ${address} (${duration(Date.now() - started)} in all).`);
    console.log(`To look at its objects: export KUBECONFIG=${cluster.kubeconfig}`);
    console.log("To remove everything: npm run demo -- down");
}

async function down(): Promise<void> {
    const cluster = await startCluster(name);
    const workspace = await demoWorkspace(cluster);
    await operate(workspace, ["wipe", name, "--yes"]);
    await removeProduction(cluster);
    await removeCluster(name);
    await forgetWorkspace(stateOf(cluster));
}

async function run(): Promise<void> {
    const workspace = await demoWorkspace(await startCluster(name));
    await operate(workspace, process.argv.slice(3), process.stdout);
}

/** The project's own folder; on somebody's own cluster a copy of the stack file that names its context. */
async function demoWorkspace(cluster: Cluster): Promise<Workspace> {
    if (cluster.origin === "local") {
        return openWorkspace(stateOf(cluster), cluster);
    }
    const text = await readFile(path.join(__dirname, `../Pulumi.${name}.yaml`), "utf8");
    const stackFile = text.replace(/^( +context: ).*$/m, `$1${JSON.stringify(cluster.context)}`);
    return openWorkspace(stateOf(cluster), cluster, { [name]: stackFile });
}

/** Each cluster's replica has a state of its own. */
function stateOf({ origin, context }: Cluster): string {
    return origin === "local" ? name : `${name}-${context.replaceAll(/[^\w.-]/g, "_")}`;
}

async function operate(
    workspace: Workspace,
    args: string[],
    out: NodeJS.WritableStream = process.stderr,
): Promise<void> {
    const { status } = await understudy(workspace, args, {
        show: (text) => out.write(text),
    });
    if (status !== 0) {
        throw new Error(`understudy ${args.join(" ")} did not succeed; its reason is above.`);
    }
}

/** The page answers, and says that it is a replica. */
async function answers(address: string): Promise<void> {
    const response = await fetch(address, { signal: AbortSignal.timeout(30_000) });
    const page = await response.text();
    if (response.status !== 200 || !/replica/i.test(page)) {
        throw new Error(`${address} answered ${response.status}, without saying that it is a replica.`);
    }
}

const command = process.argv[2] ?? "up";
const work = { up, down, run }[command];
if (work === undefined) {
    console.error("Say npm run demo, npm run demo -- down, or npm run demo -- run <command of understudy>.");
    process.exit(2);
}
work().catch((error: Error) => {
    console.error(error.message);
    process.exit(1);
});

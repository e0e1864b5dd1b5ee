import { findCluster, startCluster, stopCluster } from "./cluster/index";

const usage = "Usage: npm run cluster -- up|down|status [name]   (the name is demo unless you give another)";

main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
});

/** `up` and `status` print how to reach the cluster, and nothing else, on the standard output. */
async function main([command, name = "demo"]: string[]): Promise<void> {
    if (command === "up") {
        reach(await startCluster(name));
    } else if (command === "down") {
        await stopCluster(name);
    } else if (command === "status") {
        const cluster = await findCluster(name);
        if (cluster === undefined) {
            throw new Error(`Cluster ${name} is not running; start it with: npm run cluster -- up ${name}`);
        }
        reach(cluster);
    } else {
        throw new Error(usage);
    }
}

function reach({ kubeconfig, context, address }: { kubeconfig: string; context: string; address: string }): void {
    console.error(`Context ${context}; NodePorts answer at ${address}.`);
    console.log(`export KUBECONFIG=${kubeconfig}`);
}

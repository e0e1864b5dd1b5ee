/**
 * Plays the stories with the provider that the engine has and writes what happened, for the conformance test to compare
 * with. The fixtures are made again, on a machine that has the real plugin, by
 *
 *     PULUMI_HOME=<folder with the plugin> npx tsx test/standins/record.ts <kubeconfig> [<story>...]
 *
 * `PULUMI_COMMAND` names the CLI if it is not the `pulumi` on the path; `RECORD_TO` another folder than `fixtures`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "../../dev/command";
import { version } from "../../dev/standins/kubernetes/version";
import { step } from "../../dev/step";
import { playAll } from "./stage";
import { stories } from "./stories";

async function main([kubeconfig, ...wanted]: string[]): Promise<void> {
    if (kubeconfig === undefined) throw new Error("usage: tsx test/standins/record.ts <kubeconfig> [<story>...]");
    const command = process.env.PULUMI_COMMAND ?? (await run("which", ["pulumi"])).trim();
    const engine = { command, home: process.env.PULUMI_HOME ?? join(homedir(), ".pulumi") };
    const folder = process.env.RECORD_TO ?? join(__dirname, "fixtures");
    mkdirSync(folder, { recursive: true });
    const chosen = stories.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
    const about = `Recorded with the provider kubernetes ${version}; test/standins/record.ts makes it again.`;
    await Promise.all(
        [...playAll(chosen, engine, kubeconfig)].map(async ([name, playing]) => {
            const steps = await step(name, () => playing);
            writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ about, steps }, null, 1)}\n`);
        }),
    );
}

main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    process.exit(1);
});

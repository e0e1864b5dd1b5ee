/** Plays one story and prints what happened: `tsx player.ts <story> <pulumi> <its home> <kubeconfig>`. */
import { mark, play } from "./stage";
import { stories } from "./stories";

async function main([name, command, home, kubeconfig]: string[]): Promise<void> {
    const story = stories.find((one) => one.name === name);
    if (story === undefined || command === undefined || home === undefined || kubeconfig === undefined) {
        throw new Error("usage: tsx test/standins/player.ts <story> <pulumi> <its home> <kubeconfig>");
    }
    const steps = await play(story, { command, home }, kubeconfig);
    process.stdout.write(`${mark}${JSON.stringify(steps)}`, () => process.exit(0));
}

main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    process.exit(1);
});

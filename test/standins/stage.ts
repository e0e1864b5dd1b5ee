import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Provider } from "@pulumi/kubernetes";
import { type EngineEvent, LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation";
import { run } from "../../dev/command";
import type { Engine } from "../../dev/standins";
import { Hands } from "./hands";
import { type Recorded, recorded } from "./recorded";
import type { Scene, Step, Story } from "./story";

const project = "standins";

/** How many stories are played at the same time. */
const stages = 3;

/**
 * Plays stories on a cluster, a few at a time, each as {@link play} does, in a process of its own: Pulumi's SDK mixes up
 * programs that run beside each other in one. The results come by the stories' names.
 */
export function playAll(
    stories: readonly Story[],
    engine: Engine,
    kubeconfig: string,
): Map<string, Promise<Recorded[]>> {
    const free: Promise<unknown>[] = Array.from({ length: stages }, () => Promise.resolve());
    const results = new Map<string, Promise<Recorded[]>>();
    for (const [i, { name }] of stories.entries()) {
        const result = (free[i % stages] ?? Promise.resolve()).then(() => playApart(name, engine, kubeconfig));
        // Whoever takes the result hears of a failure; the stage is free for the next story all the same.
        free[i % stages] = result.catch(() => undefined);
        results.set(name, result);
    }
    return results;
}

/** Plays one story as {@link playAll} does. */
export async function playApart(name: string, { command, home }: Engine, kubeconfig: string): Promise<Recorded[]> {
    const tsx = require.resolve("tsx/cli");
    const output = await run(process.execPath, [tsx, join(__dirname, "player.ts"), name, command, home, kubeconfig]);
    return JSON.parse(output.slice(output.lastIndexOf(mark) + mark.length));
}

/** Stands before the result in a player's output, which the story's program may write to as well. */
export const mark = "\n=== played ===\n";

/** Plays a story on a cluster, with the provider that the engine has, and returns what happened, step by step. */
export async function play(story: Story, engine: Engine, kubeconfig: string): Promise<Recorded[]> {
    const folder = mkdtempSync(join(tmpdir(), `standins-${story.name}-`));
    const namespace = `standins-${story.name}`;
    const hands = new Hands(kubeconfig);
    const namespaceObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
    try {
        await hands.remove(namespaceObject);
        await hands.make(namespaceObject);
        const stack = await stackIn(folder, story.name, engine);
        const results: Recorded[] = [];
        let program: Step["program"];
        for (const step of story.steps) {
            program = step.program ?? program;
            results.push(await act(step, program ?? (() => {}), stack, { folder, namespace, kubeconfig, hands }));
        }
        return onlyNews(results);
    } finally {
        await hands.remove(namespaceObject);
        rmSync(folder, { recursive: true, force: true });
    }
}

/** The steps, with each state reduced to the resources that differ from the state before; null for one that has gone. */
function onlyNews(steps: Recorded[]): Recorded[] {
    return steps.map((step, i) => {
        const former = steps[i - 1]?.state ?? {};
        const entries = Object.entries(step.state).filter(([name, now]) => !isDeepStrictEqual(now, former[name]));
        const gone = Object.keys(former).filter((name) => step.state[name] === undefined);
        return {
            ...step,
            state: { ...Object.fromEntries(entries), ...Object.fromEntries(gone.map((name) => [name, null])) },
        };
    });
}

interface Place {
    folder: string;
    namespace: string;
    kubeconfig: string;
    hands: Hands;
}

async function act(step: Step, program: (scene: Scene) => void, stack: Stack, place: Place): Promise<Recorded> {
    const { namespace, kubeconfig, hands, folder } = place;
    await step.before?.(hands, namespace);
    for (const [key, value] of Object.entries(step.config ?? {})) await stack.setConfig(key, { value }, true);
    const scene: Scene = {
        namespace,
        provider: (args, name) =>
            new Provider(name ?? "cluster", { kubeconfig, clusterIdentifier: "standins", ...args }),
    };
    const events: EngineEvent[] = [];
    const onEvent = (event: EngineEvent) => events.push(event);
    const declare = async () => program(scene);
    const operation = step.run ?? "up";
    try {
        if (operation === "up") await stack.up({ onEvent, program: declare });
        else if (operation === "preview") await stack.preview({ onEvent, program: declare });
        else if (operation === "refresh") await stack.refresh({ onEvent });
        else await stack.destroy({ onEvent });
    } catch (error) {
        // A run may be meant to fail: its events say why, and a run without events failed for another reason.
        if (!events.some((event) => event.diagnosticEvent?.severity === "error")) throw error;
    }
    const checkpoint = readFileSync(join(folder, ".pulumi", "stacks", project, `${stack.name}.json`), "utf8");
    return recorded(step.title, operation, events, JSON.parse(checkpoint), place);
}

async function stackIn(folder: string, stackName: string, { command, home }: Engine): Promise<Stack> {
    writeFileSync(join(folder, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
    // The Automation API wants to be given the folder above `bin/pulumi`.
    mkdirSync(join(folder, "engine", "bin"), { recursive: true });
    symlinkSync(command, join(folder, "engine", "bin", "pulumi"));
    return LocalWorkspace.createStack(
        { stackName, projectName: project, program: async () => {} },
        {
            workDir: folder,
            pulumiHome: home,
            pulumiCommand: await PulumiCommand.get({ root: join(folder, "engine"), skipVersionCheck: true }),
            envVars: {
                PULUMI_BACKEND_URL: `file://${folder}`,
                PULUMI_CONFIG_PASSPHRASE: "standins",
                PULUMI_SKIP_UPDATE_CHECK: "true",
                PULUMI_NODEJS_SKIP_COMPONENT_INPUTS: "true",
            },
        },
    );
}

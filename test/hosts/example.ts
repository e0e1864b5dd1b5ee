/** Runs the committed examples: the machines that their stack files name, and an update with what is different here. */
import { readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import yaml from "js-yaml";
import { type Ended, forgetWorkspace, openWorkspace, understudy } from "../../dev/workspace";
import { changed } from "../scenario/stage";
import { type Machine, makeKeys, startMachine } from "./machine";
import { encrypted } from "./stage";

type Config = Record<string, Record<string, unknown>>;

export interface Examples {
    /** By the names that stack files have for them. */
    machines: Map<string, Machine>;
    /** Starts the machines of an example's stack file that are not there yet. */
    places(file: string): Promise<unknown>;
    /** Runs an example's update, in a workspace that the other examples of a test's file are in too. */
    up(stack: string, file: string, here: Record<string, unknown>, secret: Record<string, string>): Promise<Ended>;
    /** Runs another command of the command line with the stack file of the last update. */
    run(command: string, stack: string, ...args: string[]): Promise<Ended>;
    stop(): Promise<void>;
}

/** @param name names the state's folder */
export async function openExamples(name: string): Promise<Examples> {
    const root = await mkdtemp(join(tmpdir(), "understudy-examples-"));
    const keys = await makeKeys(root);
    const machines = new Map<string, Machine>();
    await forgetWorkspace(name);

    /** Returns what the stack file has to say of them here as well. */
    async function places(file: string) {
        const text = readFileSync(join(__dirname, "../../examples", file), "utf8");
        const { config } = yaml.load(text) as { config: Config };
        const changes: Record<string, unknown> = {};
        const secrets: Record<string, string> = {};
        for (const [name, host] of Object.entries(config["understudy:hosts"] ?? {})) {
            const machine = machines.get(name) ?? (await startMachine(root, name, keys));
            machines.set(name, machine);
            const { jump } = (host as { ssh: { jump?: string } }).ssh;
            const { key: _, ...ssh } = machine.reach.ssh as Record<string, unknown>;
            changes[`hosts.${name}`] = { ...machine.reach, ssh: { ...ssh, ...(jump && { jump }) } };
            secrets[`hosts.${name}.ssh.key`] = keys.good;
        }
        return { text, changes, keys: secrets };
    }

    return {
        machines,
        places,
        async up(stack, file, here, secret) {
            const { text, changes, keys } = await places(file);
            const { config } = yaml.load(changed(text, { ...changes, ...here })) as { config: Config };
            // What is encrypted there, is so with a key that nobody has.
            const plain = JSON.parse(JSON.stringify(config), (_, value) =>
                value?.secure === undefined ? value : "placeholder",
            );
            const workspace = await openWorkspace(
                name,
                { kubeconfig: "/dev/null" },
                { [stack]: yaml.dump({ config: plain }) },
                ["command"],
            );
            await encrypted(workspace, stack, { ...keys, ...secret });
            return understudy(workspace, ["up", stack]);
        },
        async run(command, stack, ...args) {
            const workspace = await openWorkspace(name, { kubeconfig: "/dev/null" }, {}, ["command"]);
            return understudy(workspace, [command, stack, ...args]);
        },
        async stop() {
            await Promise.all([...machines.values()].map((machine) => machine.kill()));
            rmSync(root, { recursive: true, force: true });
        },
    };
}

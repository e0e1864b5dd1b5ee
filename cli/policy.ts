/**
 * The policy pack's rules, looked at in the program's own process. The engine would start a language host and another
 * Node for the pack: many seconds more for every preview, and nothing at all where the CLI comes without language hosts.
 * And it looks at each resource when it is its turn, when others have been made already. Here all of them are asked for
 * once before, of the SDK's recorder in place of the engine, which makes none.
 */
import * as pulumi from "@pulumi/pulumi";
import { HostReplica } from "../components/hosts/replica";
import { Publisher } from "../components/publisher";
import { Replica } from "../components/replica";
import { markerSql } from "../contract";
import { at, type Registered, secret } from "../policy/registered";
import { violations } from "../policy/rules";
import { told } from "../policy/told";
import { Refusal } from "../refusal";
import type { AnySettings } from "../settings";
import { project } from "./project";

/** What the SDK writes around a value that is a secret, or that holds one anywhere. */
const secretMark = "4dabf18193072939515e22adb298388d";

/**
 * Looks at all that a stack file's program asks for. It must not be run where the engine's own program runs.
 *
 * @throws {Refusal} with a sentence for each violation
 */
export async function checkPolicy(settings: AnySettings, stackName: string): Promise<void> {
    const found = violations(
        await askedFor(settings, stackName),
        told((key) => at(settings, key)),
    );
    if (found.length > 0) {
        throw new Refusal(found.map((sentence) => `${sentence} Nothing was changed.`).join("\n"));
    }
}

async function askedFor(settings: AnySettings, stackName: string): Promise<Registered[]> {
    const asked: Registered[] = [];
    const newResource = ({ type, name, inputs }: pulumi.runtime.MockResourceArgs) => {
        asked.push({ type, name, props: marked(inputs) });
        // A stash answers with what it keeps, everything else with what it was given.
        return { id: name, state: type === "pulumi:index:Stash" ? { ...inputs, output: inputs.input } : inputs };
    };
    await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, project, stackName, true);
    build(settings, `${project}/${stackName}`);
    await pulumi.runtime.disconnect();
    return asked;
}

/** As the program does, without what it has to look up: no rule is about that. */
function build(settings: AnySettings, stack: string): pulumi.Resource {
    const program = "";
    switch (settings.role) {
        case "source":
            return new Publisher("publisher", { stack, settings, program });
        case "hosts":
            return new HostReplica("replica", { stack, settings, program });
        case "replica":
            return new Replica("replica", {
                ...{ stack, settings, program },
                initialSql: markerSql(stack),
                readLive: async () => undefined,
            });
    }
}

/** What is wanted of an object is open to the cluster, secrets in it as well; of others, a secret is nobody's business. */
function marked(inputs: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(inputs).map(([key, value]) =>
            at(value, secretMark) === undefined ? [key, value] : [key, key === "spec" ? at(value, "value") : secret],
        ),
    );
}

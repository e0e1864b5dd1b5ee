/**
 * The policy pack's rules, looked at in the program's own process. The engine would start a language host and another
 * Node for the pack: several seconds more for every preview, and nothing at all where the CLI comes without language hosts. And
 * it looks at each resource when it is its turn, when others have been made already. Here all of them wait for each other.
 */
import { setImmediate } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { type Registered, secret, unknown } from "../policy/registered";
import { violations } from "../policy/rules";
import { told } from "../policy/told";
import { Refusal } from "../refusal";
import { project } from "./project";

/**
 * Runs a program, none of whose resources is made before all of them have been looked at.
 *
 * @throws {Refusal} with a sentence for each violation
 */
export async function underPolicy<Outputs>(program: () => Promise<Outputs>): Promise<Outputs> {
    const asked: Promise<Registered>[] = [];
    let pass: (none: pulumi.Resource[]) => void = () => {};
    let refuse: (reason: Refusal) => void = () => {};
    const verdict = new Promise<pulumi.Resource[]>((resolve, reject) => {
        [pass, refuse] = [resolve, reject];
    });
    pulumi.runtime.registerStackTransformation(({ type, name, props, opts }) => {
        asked.push(marked(props).then((seen) => ({ type, name, props: seen as Registered["props"] })));
        return { props, opts: pulumi.mergeOptions(opts, { dependsOn: verdict }) };
    });
    const outputs = await program();
    const settings = new pulumi.Config(project);
    const known = told((key) => (key === "role" ? settings.get(key) : settings.getObject(key)));
    const found = violations(await Promise.all(asked), known);
    if (found.length > 0) {
        const refusal = new Refusal(found.map((sentence) => `${sentence} Nothing was changed.`).join("\n"));
        refuse(refusal);
        throw refusal;
    }
    pass([]);
    return outputs;
}

/** What a resource is asked for, as far as it can be known before any is made. */
async function marked(value: unknown): Promise<unknown> {
    if (pulumi.Output.isInstance(value)) {
        if ((await now(pulumi.isSecret(value))) === true) {
            return secret;
        }
        return now(new Promise((resolve) => value.apply(resolve)));
    }
    if (value instanceof Promise) {
        return marked(await now(value));
    }
    if (Array.isArray(value)) {
        return Promise.all(value.map(marked));
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const fields = Object.entries(value).map(async ([key, field]) => [key, await marked(field)] as const);
    return Object.fromEntries(await Promise.all(fields));
}

/** A value that needs nothing but what is there, is there before anything else gets its turn. */
function now(value: Promise<unknown>): Promise<unknown> {
    return Promise.race([value, setImmediate(unknown)]);
}

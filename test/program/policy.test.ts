import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../../cli/policy";
import { readStackFile } from "../../cli/stack-files";
import { type Registered, secret, unknown } from "../../policy/registered";
import { violations } from "../../policy/rules";
import { told } from "../../policy/told";
import { Refusal } from "../../refusal";
import { parseStack } from "../../settings";
import { due } from "../due";
import { isSecret, type Run, runProgram } from "./monitor";

const root = join(__dirname, "../..");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) =>
    /^(examples\/\w+\/)?Pulumi\.\w[\w-]*\.yaml$/.test(file),
);

/** What stands for a text that is not known yet, on the way to the engine. */
const unknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What the program registered, as the rules take it. */
function asked({ registrations }: Run): Registered[] {
    const marked = (value: unknown): unknown =>
        value === unknownText
            ? unknown
            : isSecret(value)
              ? secret
              : Array.isArray(value)
                ? value.map(marked)
                : typeof value === "object" && value !== null
                  ? Object.fromEntries(Object.entries(value).map(([key, field]) => [key, marked(field)]))
                  : value;
    return registrations.map(({ type, name, inputs }) => ({
        type,
        name,
        props: marked(inputs) as Registered["props"],
    }));
}

function found(run: Run, config: Record<string, string>): string[] {
    const read = (key: string) => {
        const text = config[`understudy:${key}`] ?? "null";
        return key === "role" ? text : JSON.parse(text);
    };
    return violations(asked(run), told(read));
}

/** The configuration of a stack file; in the place of what is encrypted stands another text. */
const written = (file: string) => readStackFile(join(root, dirname(file)), stackOf(file));

function stackOf(file: string): string {
    return basename(file, ".yaml").replace("Pulumi.", "");
}

describe("the policy", () => {
    it.each(due(files))("has nothing to say of what the program registers for %s", async (file) => {
        const config = await written(file);
        const run = await runProgram({ config, stack: stackOf(file), folder: dirname(file), dryRun: true });
        expect(run.status, JSON.stringify(run.log)).toBe(0);
        expect(run.registrations.length).toBeGreaterThan(5);
        expect(found(run, config)).toEqual([]);
    });
});

describe("understudy's own look, before the program runs", () => {
    const look = async (
        file: string,
        change: (config: Record<string, string>) => Record<string, string> = (same) => same,
    ) => {
        const config = change(await written(file));
        const home = process.cwd();
        try {
            process.chdir(join(root, dirname(file)));
            return checkPolicy(parseStack(config, "understudy", stackOf(file)), stackOf(file));
        } finally {
            process.chdir(home);
        }
    };

    it.each(files)("lets %s pass", async (file) => {
        await look(file);
    });

    it("refuses a secret in a variable of the application's, for each of its parts, without showing it", async () => {
        const planted = (config: Record<string, string>) => {
            const application = JSON.parse(config["understudy:application"] ?? "");
            const environment = { ...application.environment, PAYMENT_TOKEN: "planted" };
            return { ...config, "understudy:application": JSON.stringify({ ...application, environment }) };
        };
        const refusal = await look("Pulumi.staging.yaml", planted).catch((error: Error) => error);
        expect(refusal).toBeInstanceOf(Refusal);
        expect(refusal?.message.split("\n").sort()).toEqual(
            [
                "Deployment beat: container beat",
                "Deployment worker: container worker",
                "StatefulSet application: container application",
            ].map(
                (title) =>
                    `The policy secrets-unseen is violated: ${title} has a secret in its variable PAYMENT_TOKEN: put it into a Secret, and write valueFrom.secretKeyRef. Nothing was changed.`,
            ),
        );
    });
});

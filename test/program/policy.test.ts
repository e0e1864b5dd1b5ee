import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Registered, secret, unknown } from "../../policy/registered";
import { violations } from "../../policy/rules";
import { told } from "../../policy/told";
import { configOf, isSecret, type Run, runProgram } from "./monitor";

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

describe("the policy", () => {
    it.each(files)("has nothing to say of %s", async (file) => {
        const written = configOf(readFileSync(join(root, file), "utf8"));
        // What is encrypted there, is so with a key that nobody has.
        const config = Object.fromEntries(
            Object.entries(written).map(([key, text]) => [
                key,
                text.replaceAll(/\{"secure":"[^"]*"\}/g, '"placeholder"'),
            ]),
        );
        const stack = basename(file, ".yaml").replace("Pulumi.", "");
        const run = await runProgram({ config, stack, folder: dirname(file), dryRun: true });
        expect(run.status, JSON.stringify(run.log)).toBe(0);
        expect(run.registrations.length).toBeGreaterThan(5);
        expect(found(run, config)).toEqual([]);
    });
});

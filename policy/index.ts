/** The rules as a policy pack: `pulumi preview --policy-pack policy`. */
import { PolicyPack, type ReportViolation, type ResourceValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { type Registered, unknown } from "./registered";
import { rules } from "./rules";
import { told } from "./told";

/** The engine tells a pack the stack's settings as it tells them to a program; to one of another project, none of ours. */
const settings = new pulumi.Config("understudy");
const known = told((setting) => (setting === "role" ? settings.get(setting) : settings.getObject(setting)));

new PolicyPack("understudy", {
    enforcementLevel: "mandatory",
    policies: rules
        .filter(({ needsMarks }) => needsMarks !== true)
        .map(({ name, description, ofResource, ofStack }) => {
            const report = (sentences: string[] = [], violation: ReportViolation) => {
                for (const sentence of sentences) {
                    violation(`${sentence}.`);
                }
            };
            return ofStack === undefined
                ? {
                      name,
                      description,
                      validateResource: (args, violation) => report(ofResource?.(registered(args), known), violation),
                  }
                : {
                      name,
                      description,
                      validateStack: ({ resources }, violation) =>
                          report(ofStack(resources.map(registered), known), violation),
                  };
        }),
});

function registered({ type, name, props }: Pick<ResourceValidationArgs, "type" | "name" | "props">): Registered {
    return { type, name, props: plain(props) as Registered["props"] };
}

/** A value as the rules take it. In a preview, whoever asks for one that is not known yet gets an error in its place. */
function plain(value: unknown): unknown {
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const fields = Object.keys(value).map((key): [string, unknown] => [key, plainAt(value, key)]);
    return Array.isArray(value) ? fields.map(([, item]) => item) : Object.fromEntries(fields);
}

function plainAt(value: object, key: string): unknown {
    try {
        return plain((value as Record<string, unknown>)[key]);
    } catch {
        return unknown;
    }
}

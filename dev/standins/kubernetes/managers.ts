import { annotation } from "./annotations";
import { at, type Fields, isFields, listAt, type Value } from "./fields";
import { uniqueName } from "./naming";

/** Manager of the fields of an object that was made by a plain create. */
export const creator = "pulumi-kubernetes";

/** Managers whose fields the stack takes over at its first update: earlier creates, and kubectl's. */
const formerManagers = [
    { name: "kubectl", operation: "Apply" },
    { name: "kubectl", operation: "Update" },
    { name: "before-first-apply", operation: "Update" },
    { name: creator, operation: "Update" },
    { name: "pulumi-resource-kubernetes", operation: "Update" },
];

/** The resource's own field manager: annotated, else the one in the state, else a new name. */
export function fieldManager(inputs: Fields, former: string): string {
    return annotation(inputs, "patchFieldManager") || former || uniqueName(`${creator}-`);
}

/**
 * `metadata.managedFields` with everything that former managers own handed over to `manager`; undefined when there is
 * nothing to hand over. Without it, server-side apply would leave removed fields in place, still owned by the creator.
 */
export function handedOver(live: Fields, manager: string): Value[] | undefined {
    const entries = listAt(live, "metadata", "managedFields");
    const own = entries.find((entry) => entry.manager === manager && entry.operation === "Apply");
    const former = entries.filter((entry) => entry !== own && isFormer(entry));
    const first = former[0];
    if (first === undefined) return undefined;
    const kept = entries.filter((entry) => entry !== own && !former.includes(entry));
    const merged = (own === undefined ? former : [own, ...former])
        .map((entry) => entry.fieldsV1)
        .filter(isFields)
        .reduce(union, {});
    return [...kept, { ...(own ?? first), manager, operation: "Apply", fieldsV1: merged }];
}

/** True when a preview's apply has to be forced, because a real one would hand the fields over first. */
export function isCreatedByUpdate(live: Fields): boolean {
    return listAt(live, "metadata", "managedFields").some(
        (entry) =>
            entry.operation === "Update" && [creator, "pulumi-resource-kubernetes"].includes(String(entry.manager)),
    );
}

function isFormer(entry: Fields): boolean {
    const manager = String(entry.manager);
    const isMain = at(entry, "subresource") === undefined;
    return (
        isMain &&
        formerManagers.some(({ name, operation }) => manager.startsWith(name) && entry.operation === operation)
    );
}

function union(left: Fields, right: Fields): Fields {
    const result = { ...left };
    for (const [key, value] of Object.entries(right)) {
        const existing = result[key];
        result[key] = isFields(existing) && isFields(value) ? union(existing, value) : value;
    }
    return result;
}

import { createHash, randomBytes } from "node:crypto";
import { isSet, withAnnotation } from "./annotations";
import { at, type Fields, nameOf, textAt, withMetadata } from "./fields";
import { isUnknown } from "./properties";

/** What the engine says about names that the program does not give; undefined: the provider's own rule. */
export type Autonaming = { mode: "propose" | "enforce"; name: string } | { mode: "disable" } | undefined;

/** `prefix` and eight hexadecimal digits: always the same for one seed, random without a seed. */
export function uniqueName(prefix: string, seed: Uint8Array = new Uint8Array()): string {
    const digest = seed.length === 0 ? randomBytes(32) : createHash("sha256").update(seed).digest();
    return prefix + digest.toString("hex").slice(0, 8);
}

/** True when the program names the object, with a name that may not be known before `up`. */
export function isNamed(object: Fields): boolean {
    return nameOf(object) !== "" || isUnknown(at(object, "metadata")) || isUnknown(at(object, "metadata", "name"));
}

/** True when the API server is to complete the name, which server-side apply cannot do. */
export function isGenerated(object: Fields): boolean {
    return !isNamed(object) && textAt(object, "metadata", "generateName") !== "";
}

/**
 * The inputs of a new object with a name: the program's own, else one made from the resource's name.
 * Throws when names are disabled by the stack's `pulumi:autonaming` and the program gives none.
 */
export function withName(inputs: Fields, resourceName: string, seed: Uint8Array, autonaming: Autonaming): Fields {
    if (isNamed(inputs) || isGenerated(inputs)) return inputs;
    if (autonaming?.mode === "disable")
        throw new Error("autonaming is disabled, resource requires the .metadata.name field to be set");
    const name = autonaming?.name ?? uniqueName(`${resourceName}-`, seed);
    return withAnnotation(withMetadata(inputs, "name", name), "autonamed");
}

/** The inputs of an object that exists already: a name that was made for it is kept. */
export function withFormerName(inputs: Fields, oldInputs: Fields): Fields {
    if (isNamed(inputs) || !isSet(oldInputs, "autonamed")) return inputs;
    return withAnnotation(withMetadata(inputs, "name", nameOf(oldInputs)), "autonamed");
}

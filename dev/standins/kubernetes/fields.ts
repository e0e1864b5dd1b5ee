/** JSON as the Kubernetes API and the engine send it. */
export type Value = null | boolean | number | string | Value[] | Fields;

/** A JSON object: a Kubernetes object, or any part of one that has keys. */
export interface Fields {
    [key: string]: Value;
}

/** True for a JSON object, false for lists and everything that has no keys. */
export function isFields(value: Value | undefined): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at the path, or undefined when any step of it is missing. */
export function at(object: Value | undefined, ...path: readonly (string | number)[]): Value | undefined {
    let value = object;
    for (const step of path) {
        if (Array.isArray(value) && typeof step === "number") value = value[step];
        else if (isFields(value) && typeof step === "string") value = value[step];
        else return undefined;
    }
    return value;
}

/** The text at the path; empty when there is none. */
export function textAt(object: Value | undefined, ...path: readonly (string | number)[]): string {
    const value = at(object, ...path);
    return typeof value === "string" ? value : "";
}

/** The number at the path; 0 when there is none. */
export function numberAt(object: Value | undefined, ...path: readonly (string | number)[]): number {
    const value = at(object, ...path);
    return typeof value === "number" ? value : 0;
}

/** The objects of the list at the path; none when there is no list. */
export function listAt(object: Value | undefined, ...path: readonly (string | number)[]): Fields[] {
    const value = at(object, ...path);
    return Array.isArray(value) ? value.filter(isFields) : [];
}

/** A copy in which `metadata.<key>` is set, or removed when the value is undefined. */
export function withMetadata(object: Fields, key: string, value: Value | undefined): Fields {
    const metadata = object.metadata ?? {};
    if (!isFields(metadata)) return object;
    const { [key]: _former, ...rest } = metadata;
    return { ...object, metadata: value === undefined ? rest : { ...rest, [key]: value } };
}

/** A deep copy without the keys whose value is undefined, so that it can cross to the engine. */
export function copy(object: Fields): Fields {
    return JSON.parse(JSON.stringify(object)) as Fields;
}

/** `metadata.name`; empty when there is none yet. */
export const nameOf = (object: Fields) => textAt(object, "metadata", "name");

/** `metadata.namespace`; empty for cluster-wide objects. */
export const namespaceOf = (object: Fields) => textAt(object, "metadata", "namespace");

/** `namespace/name`, or the name alone for cluster-wide objects: the resource id in Pulumi's state. */
export function idOf(object: Fields): string {
    const namespace = namespaceOf(object);
    return namespace === "" ? nameOf(object) : `${namespace}/${nameOf(object)}`;
}

/** Like {@link idOf}, but without the namespace `default`: how messages call an object. */
export function calledBy(object: Fields): string {
    return namespaceOf(object) === "default" ? nameOf(object) : idOf(object);
}

/** True when the object is owned by the one with this uid. */
export function isOwnedBy(object: Fields, uid: string): boolean {
    return uid !== "" && listAt(object, "metadata", "ownerReferences").some((owner) => owner.uid === uid);
}

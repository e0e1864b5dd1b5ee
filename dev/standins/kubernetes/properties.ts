import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Fields, isFields, type Value } from "./fields";

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What the engine puts in the place of values that a preview cannot know: one text for each type of value. */
const unknowns = new Set<Value>([
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** The fields of a request; none when the request has none. */
export function received(properties: Struct | undefined): Fields {
    return (properties?.toJavaScript() ?? {}) as Fields;
}

/** True for a value that a preview cannot know. */
export const isUnknown = (value: Value | undefined) => value !== undefined && unknowns.has(value);

/** True when the value, or any part of it, is unknown. */
export const holdsUnknown = (value: Value): boolean => anywhere(value, isUnknown);

const isSecret = (value: Value): boolean => isFields(value) && value[signature] === secretSignature;

/** True when the value, or any part of it, is secret. */
export const holdsSecret = (value: Value): boolean => anywhere(value, isSecret);

/** The value as a secret, which the engine encrypts in the state and hides in its output. */
export function secret(value: Value): Value {
    return isSecret(value) ? value : { [signature]: secretSignature, value };
}

/** The value with every secret in it laid open. */
export function reveal<T extends Value>(value: T): T;
export function reveal(value: Value): Value {
    if (Array.isArray(value)) return value.map((element) => reveal(element));
    if (!isFields(value)) return value;
    if (isSecret(value)) return reveal(value.value ?? null);
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, reveal(part)]));
}

/**
 * `fields`, secret wherever `like` is. Objects are walked side by side, so that one secret does not hide its neighbours;
 * a list is secret as a whole, because its elements may move. The content of a Secret is always secret.
 */
export function secretLike(fields: Fields, like: Fields): Fields {
    if (fields.kind === "Secret") return hideContent(fields);
    return Object.fromEntries(
        Object.entries(fields).map(([key, value]) => {
            const model = like[key];
            if (model === undefined) return [key, value];
            if (isFields(value) && isFields(model) && !isSecret(value) && !isSecret(model))
                return [key, secretLike(value, model)];
            return [key, holdsSecret(model) ? secret(value) : value];
        }),
    );
}

function hideContent(object: Fields): Fields {
    const hidden = { ...object };
    for (const key of ["data", "stringData"]) {
        const content = hidden[key];
        if (content !== undefined) hidden[key] = secret(content);
    }
    return hidden;
}

function anywhere(value: Value, holds: (value: Value) => boolean): boolean {
    if (holds(value)) return true;
    if (Array.isArray(value)) return value.some((element) => anywhere(element, holds));
    return isFields(value) && Object.values(value).some((part) => anywhere(part, holds));
}

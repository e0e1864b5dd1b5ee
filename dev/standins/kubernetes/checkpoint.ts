import { copy, type Fields, isFields, textAt } from "./fields";
import { reveal, secretLike } from "./properties";

/** What Pulumi's state holds of an object: the inputs it was made from, and the object as it was last seen. */
export interface Checkpoint {
    inputs: Fields;
    live: Fields;
    /** Field manager that owns the inputs' fields under server-side apply; empty before the first `up`. */
    fieldManager: string;
    /** `apiVersion` that the object was first made with. */
    apiVersion: string;
}

/** The state's fields for the engine; what is secret in `given` (inputs as the engine sent them) is secret in it. */
export function toState({ inputs, live, fieldManager, apiVersion }: Checkpoint, given: Fields): Fields {
    return copy({
        ...secretLike(live, given),
        __inputs: secretLike(inputs, given),
        __initialApiVersion: apiVersion,
        __fieldManager: fieldManager,
    });
}

/** Reads what {@link toState} wrote, secrets laid open. */
export function fromState(state: Fields): Checkpoint {
    const { __inputs, __initialApiVersion, __fieldManager, ...live } = reveal(state);
    const inputs = isFields(__inputs) ? __inputs : {};
    return {
        inputs,
        live,
        fieldManager: typeof __fieldManager === "string" ? __fieldManager : "",
        apiVersion: typeof __initialApiVersion === "string" ? __initialApiVersion : textAt(inputs, "apiVersion"),
    };
}

import { type Fields, isFields, type Value } from "./fields";
import { holdsUnknown } from "./properties";
import { canonicalQuantity } from "./quantity";

/** Maps whose keys are the user's own: nothing in them is a default that could be left out. */
const freeMaps = new Set([
    "annotations",
    "binaryData",
    "data",
    "labels",
    "matchLabels",
    "nodeSelector",
    "parameters",
    "selector",
    "stringData",
]);

/** Maps from a resource's name to a quantity. */
const quantityMaps = new Set(["capacity", "default", "defaultRequest", "hard", "limits", "max", "min", "requests"]);

/** Fields that cannot tell "not given" from false or 0: the API server leaves them out. */
const omittedWhenZero = new Set([
    "failureThreshold",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostPort",
    "initialDelaySeconds",
    "minReadySeconds",
    "nodePort",
    "paused",
    "periodSeconds",
    "publishNotReadyAddresses",
    "readOnly",
    "stdin",
    "stdinOnce",
    "successThreshold",
    "timeoutSeconds",
    "tty",
]);

/** Texts that mean something when they are empty, and lists that have to be there. */
const keptWhenEmpty = new Set(["apiGroup", "ingressClassName", "rules", "runtimeClassName", "storageClassName"]);

/** Parts of the metadata that only the API server writes. */
const readOnlyMetadata = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];

/**
 * Inputs in the form that the API server would give them, so that two ways of writing the same thing show no
 * difference: quantities in canonical form, defaults left out, a Secret's `stringData` in its `data`. Inputs that hold
 * an unknown value only lose what the server alone writes.
 */
export function normal(inputs: Fields): Fields {
    const canonical = holdsUnknown(inputs)
        ? inputs
        : isSecretKind(inputs)
          ? normalSecret(inputs)
          : normalObject(inputs);
    if (!isFields(canonical.metadata)) return canonical;
    const metadata = Object.entries(canonical.metadata).filter(([key]) => !readOnlyMetadata.includes(key));
    return { ...canonical, metadata: Object.fromEntries(metadata) };
}

/** The part of `source` that has the shape of `shape`: what a live object says about the fields that were given. */
export function pruned(source: Fields, shape: Fields): Fields {
    const result: Fields = {};
    for (const [key, value] of Object.entries(source)) {
        const like = shape[key];
        if (like !== undefined) result[key] = prunedValue(value, like);
    }
    return result;
}

function prunedValue(value: Value, like: Value): Value {
    if (isFields(value) && isFields(like)) return pruned(value, like);
    if (!Array.isArray(value) || !Array.isArray(like)) return value;
    if (typeof value[0] !== typeof like[0]) return value.length > 0 && like.length > 0 ? value : [];
    return value.slice(0, like.length).map((element, i) => {
        const shape = like[i];
        return shape === undefined ? element : prunedValue(element, shape);
    });
}

function isSecretKind(object: Fields): boolean {
    return object.kind === "Secret" && (object.apiVersion === "v1" || object.apiVersion === "core/v1");
}

function normalSecret(inputs: Fields): Fields {
    const { stringData, ...rest } = inputs;
    const data = isFields(inputs.data) ? inputs.data : {};
    if (isFields(stringData) && Object.keys(stringData).length > 0) {
        const encoded = Object.entries(stringData).map(([key, text]) => [
            key,
            Buffer.from(String(text)).toString("base64"),
        ]);
        return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
    }
    if (Object.keys(data).length === 0) return inputs;
    return { ...inputs, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, reencoded(text)])) };
}

/** Base64 without the white space that the API server would drop; anything else is left for it to refuse. */
function reencoded(text: Value): Value {
    if (typeof text !== "string" || !/^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(text)) return text;
    return Buffer.from(text, "base64").toString("base64");
}

function normalObject(object: Fields): Fields {
    const fields = normalFields(object);
    // A claim without a class is told from one that takes the default class; for a volume both are the same.
    if (object.kind !== "PersistentVolume" || !isFields(fields.spec) || fields.spec.storageClassName !== "")
        return fields;
    const { storageClassName: _none, ...spec } = fields.spec;
    return { ...fields, spec };
}

function normalFields(fields: Fields): Fields {
    const entries = Object.entries(fields)
        .map(([key, value]): [string, Value] => [key, normalValue(key, value)])
        .filter(([key, value]) => !isOmitted(key, value));
    return Object.fromEntries(entries);
}

function normalValue(key: string, value: Value): Value {
    if (freeMaps.has(key) && isFields(value) && Object.values(value).every((part) => !isFields(part))) return value;
    if (quantityMaps.has(key) && isFields(value))
        return Object.fromEntries(Object.entries(value).map(([name, quantity]) => [name, normalQuantity(quantity)]));
    if (key === "sizeLimit") return normalQuantity(value);
    if (Array.isArray(value)) return value.map((element) => (isFields(element) ? normalFields(element) : element));
    return isFields(value) ? normalFields(value) : value;
}

function normalQuantity(value: Value): Value {
    return typeof value === "string" || typeof value === "number" ? canonicalQuantity(String(value)) : value;
}

function isOmitted(key: string, value: Value): boolean {
    if (value === null) return true;
    if (value === false || value === 0) return omittedWhenZero.has(key);
    if (keptWhenEmpty.has(key)) return false;
    if (value === "" || (Array.isArray(value) && value.length === 0)) return true;
    return isFields(value) && Object.keys(value).length === 0 && (freeMaps.has(key) || quantityMaps.has(key));
}

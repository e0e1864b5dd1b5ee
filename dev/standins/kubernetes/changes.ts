import { type Fields, isFields, type Value } from "./fields";
import { isUnknown } from "./properties";
import { type Path, touches } from "./replacement";

/** How one property changes; the replacing kinds mean that the object has to be made anew for it. */
export type ChangeKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

/** Changes by property path, as the engine shows them: `spec.template.spec.containers[0].image`. */
export type Changes = Map<string, ChangeKind>;

/**
 * What has to change for `former` (the live object, as far as the inputs gave its fields) to become `inputs`.
 * `replacedFields` are the fields that cannot be changed in place.
 */
export function changes(former: Fields, inputs: Fields, replacedFields: readonly string[]): Changes {
    const found: Changes = new Map();
    compareFields([], former, inputs, (path, kind, value) => {
        const replaces = touches(path, value, replacedFields);
        found.set(written(path), replaces ? `${kind}-replace` : kind);
    });
    return found;
}

/** The changes without those at or below one of the paths; `*` stands for any key or position. */
export function without(found: Changes, ignored: readonly string[]): Changes {
    const patterns = ignored.map(steps);
    const isIgnored = (path: string) => {
        const own = steps(path);
        return patterns.some((pattern) =>
            pattern.every((step, i) => i < own.length && (step === "*" || step === own[i])),
        );
    };
    return new Map([...found].filter(([path]) => !isIgnored(path)));
}

/** Paths of the changes that need a new object. */
export function replacing(found: Changes): string[] {
    return [...found]
        .filter(([path, kind]) => kind.endsWith("-replace") || (kind === "delete" && path === "metadata"))
        .map(([path]) => path);
}

type Report = (path: Path, kind: "add" | "delete" | "update", value: Value | undefined) => void;

function compare(path: Path, former: Value | undefined, value: Value | undefined, report: Report): void {
    if (value === undefined) report(path, "delete", undefined);
    else if (former === undefined) report(path, "add", value);
    else if (isUnknown(value)) compareUnknown(path, former, value, report);
    else if (isFields(former) && isFields(value)) compareFields(path, former, value, report);
    else if (Array.isArray(former) && Array.isArray(value)) compareLists(path, former, value, report);
    else if (former !== value) report(path, "update", value);
}

/** Of an object that is not known yet, no key counts as given any more. */
function compareUnknown(path: Path, former: Value, value: Value, report: Report): void {
    if (!isFields(former)) report(path, "update", value);
    else for (const key of Object.keys(former)) report([...path, key], "delete", undefined);
}

function compareFields(path: Path, former: Fields, value: Fields, report: Report): void {
    for (const key of new Set([...Object.keys(former), ...Object.keys(value)])) {
        if (former[key] === null && value[key] === null) continue;
        compare([...path, key], former[key], value[key], report);
    }
}

function compareLists(path: Path, former: Value[], value: Value[], report: Report): void {
    for (let i = 0; i < Math.max(former.length, value.length); i++) compare([...path, i], former[i], value[i], report);
}

/** The path in the engine's notation. */
export function written(path: Path): string {
    return path.reduce<string>((text, step) => {
        if (typeof step === "number") return `${text}[${step}]`;
        if (/[."[\]]/.test(step)) return `${text}["${step.replaceAll('"', '\\"')}"]`;
        return text === "" ? step : `${text}.${step}`;
    }, "");
}

/** The steps of a path in the engine's notation. */
export function steps(path: string): string[] {
    return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)].map(
        ([, quoted, position, key]) => quoted?.replaceAll('\\"', '"') ?? position ?? key ?? "",
    );
}

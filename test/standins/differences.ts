/** A part of the state in which the stand-in may differ from the real provider. */
interface Difference {
    type: string;
    /** Steps from the outputs' root. */
    path: string[];
    reason: string;
}

/** All differences that are allowed; whatever is not listed here has to agree. */
export const differences: Difference[] = [
    {
        type: "kubernetes:batch/v1:Job",
        path: ["spec", "activeDeadlineSeconds"],
        reason: "the real provider may record an updated Job as it was before, when its cache is a moment behind",
    },
];

/** The outputs of a resource of this type without what may differ. */
export function withoutDifferences(type: string, outputs: Record<string, unknown>): Record<string, unknown> {
    return differences
        .filter((difference) => difference.type === type)
        .reduce((rest, { path }) => without(rest, path), outputs);
}

function without(fields: Record<string, unknown>, [key, ...path]: string[]): Record<string, unknown> {
    if (key === undefined || !(key in fields)) return fields;
    const { [key]: value, ...rest } = fields;
    if (path.length === 0 || typeof value !== "object" || value === null) return rest;
    return { ...rest, [key]: without(value as Record<string, unknown>, path) };
}

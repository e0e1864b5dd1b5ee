import type { Policy } from "../../components/bucket-policies";

/** A call of S3's, as IAM looks at it. */
export interface Call {
    action: string;
    resource: string;
    /** What a condition may ask for, such as `s3:prefix`. */
    context?: Record<string, string>;
}

/** A statement as any policy may have it. */
interface Statement {
    Effect: string;
    Action: string | string[];
    Resource: string | string[];
    Condition?: Record<string, Record<string, string | string[]>>;
}

/**
 * Whether a policy lets a call pass: a statement has to allow it, and none may deny it. Whatever IAM knows and this does
 * not is an error, so that nothing passes for want of understanding.
 */
export function allows({ Statement }: { Statement: Policy["Statement"] | Statement[] }, call: Call): boolean {
    const matching = (Statement as Statement[]).filter((statement) => isAbout(statement, call));
    return matching.some(({ Effect }) => Effect === "Allow") && !matching.some(({ Effect }) => Effect === "Deny");
}

function isAbout({ Effect, Action, Resource, Condition = {}, ...others }: Statement, call: Call): boolean {
    const unknown = Object.keys(others).filter((key) => key !== "Sid");
    if (unknown.length > 0 || !["Allow", "Deny"].includes(Effect)) {
        throw new Error(`A statement with ${[...unknown, Effect].join(", ")} is not understood.`);
    }
    // Actions are the same in any case, resources are not.
    return (
        some(Action, (pattern) => isLike(call.action.toLowerCase(), pattern.toLowerCase())) &&
        some(Resource, (pattern) => isLike(call.resource, pattern)) &&
        Object.entries(Condition).every(([operator, keys]) => isMet(operator, keys, call.context ?? {}))
    );
}

/** A condition about what a call does not have is not met. */
function isMet(operator: string, keys: Record<string, string | string[]>, context: Record<string, string>): boolean {
    if (operator !== "StringLike") {
        throw new Error(`The condition ${operator} is not understood.`);
    }
    return Object.entries(keys).every(([key, patterns]) => {
        const value = context[key];
        return value !== undefined && some(patterns, (pattern) => isLike(value, pattern));
    });
}

function some(patterns: string | string[], is: (pattern: string) => boolean): boolean {
    return [patterns].flat().some(is);
}

function isLike(text: string, pattern: string): boolean {
    const escaped = pattern.replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&");
    return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s").test(text);
}

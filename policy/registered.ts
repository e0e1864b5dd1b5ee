/** What a rule looks at, and how it looks into it. */

/** Stands for a value that is a secret: no rule has to see it. */
export const secret = Symbol("secret");

/** Stands for a value that is not known before something else has been made: no rule is about it. */
export const unknown = Symbol("unknown");

/** A resource as a program asks for it. */
export interface Registered {
    /** Pulumi's name for what it is, such as `kubernetes:apps/v1:Deployment`. */
    type: string;
    /** Pulumi's name for it. */
    name: string;
    /** What is asked for, with {@link secret} and {@link unknown} in it. */
    props: Record<string, unknown>;
}

/** What stands at a place in a value; undefined if there is none, {@link unknown} or {@link secret} if any of the way is. */
export function at(value: unknown, ...path: string[]): unknown {
    let found = value;
    for (const key of path) {
        if (typeof found !== "object" || found === null) {
            return typeof found === "symbol" ? found : undefined;
        }
        found = (found as Record<string, unknown>)[key];
    }
    return found;
}

/** The items of a list; none if it is anything else. */
export function items(value: unknown): unknown[] {
    return Array.isArray(value) ? value : [];
}

/** The names and values of an object; none if it is anything else. */
export function entries(value: unknown): [name: string, value: unknown][] {
    return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** Whether a value is one of these, or cannot be known. */
export function isOneOf(value: unknown, ...wanted: unknown[]): boolean {
    return typeof value === "symbol" || wanted.includes(value);
}

/** Which of Kubernetes' kinds a resource is of; undefined if it is none of them. */
export function kindOf({ type }: Registered): string | undefined {
    return type.startsWith("kubernetes:") ? type.split(":").at(-1) : undefined;
}

/** A resource's own namespace; undefined if it has none. */
export function namespaceOf({ props }: Registered): unknown {
    return at(props, "metadata", "namespace");
}

/** A resource as people know it: `Deployment application`. */
export function titleOf(resource: Registered): string {
    const name = at(resource.props, "metadata", "name");
    const kind = kindOf(resource) ?? resource.type.split(":").at(-1);
    return `${kind} ${typeof name === "string" ? name : resource.name}`;
}

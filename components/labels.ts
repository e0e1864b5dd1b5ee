import type { Generations } from "./generations";

/** Whose an object is, and where it stands. */
export interface Place {
    /** `<project>/<stack>`. */
    stack: string;
    /** Target namespace. */
    namespace: string;
    /** Secret in that namespace with which images are pulled; none if left out. */
    pullSecret?: string | undefined;
}

/** Label with the stack that an object belongs to, `<project>.<stack>`. */
export const stackLabel = "understudy/stack";

/** The recommended labels, and the stack's own. Selectors use only those of {@link selector}, which never change. */
export function labels({ stack }: Pick<Place, "stack">, component: string): Record<string, string> {
    return {
        ...selector({ stack }, component),
        "app.kubernetes.io/part-of": "understudy",
        "app.kubernetes.io/managed-by": "pulumi",
    };
}

/** The labels that select a component's pods. */
export function selector({ stack }: Pick<Place, "stack">, component: string): Record<string, string> {
    return {
        "app.kubernetes.io/name": component,
        "app.kubernetes.io/instance": labelValue(stack),
        [stackLabel]: labelValue(stack),
    };
}

/** Annotations of a pod that works on production's data: another copy replaces it. */
export function generationAnnotations({ database, media }: Generations): Record<string, string> {
    return { "understudy/database-generation": database, "understudy/media-generation": media };
}

/** A stack's name as a label's value, which knows no slash. */
export function labelValue(stack: string): string {
    return stack.replaceAll("/", ".");
}

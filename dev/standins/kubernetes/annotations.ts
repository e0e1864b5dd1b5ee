import { at, type Fields, textAt, withMetadata } from "./fields";
import { isUnknown } from "./properties";

/** Annotations of the prefix `pulumi.com/` that change how an object is treated. */
export type Annotation =
    | "autonamed"
    | "deletionPropagationPolicy"
    | "patchFieldManager"
    | "patchForce"
    | "replaceUnready"
    | "skipAwait"
    | "timeoutSeconds"
    | "waitFor";

/** The annotation's text; empty when it is not set. */
export function annotation(object: Fields, name: Annotation): string {
    return textAt(object, "metadata", "annotations", `pulumi.com/${name}`);
}

/** True when the annotation says `"true"`, in just these letters. */
export function isSet(object: Fields, name: Annotation): boolean {
    return annotation(object, name) === "true";
}

/** A copy with the annotation set to `"true"`; unchanged while a preview does not know the annotations. */
export function withAnnotation(object: Fields, name: Annotation): Fields {
    const annotations = at(object, "metadata", "annotations") ?? {};
    if (isUnknown(object.metadata) || isUnknown(annotations)) return object;
    return withMetadata(object, "annotations", { ...(annotations as Fields), [`pulumi.com/${name}`]: "true" });
}

/**
 * Seconds that an operation may take: the resource option `customTimeouts` (0 when not given), else the annotation
 * `pulumi.com/timeoutSeconds`, else ten minutes.
 */
export function timeoutSeconds(customTimeout: number, object: Fields): number {
    if (customTimeout > 0) return customTimeout;
    const text = annotation(object, "timeoutSeconds");
    return /^\d+$/.test(text) ? Number(text) : 600;
}

/** How deleting the object reaches the objects it owns. */
export function propagationPolicy(object: Fields): "Foreground" | "Background" | "Orphan" {
    const policy = annotation(object, "deletionPropagationPolicy").toLowerCase();
    if (policy === "orphan") return "Orphan";
    return policy === "background" ? "Background" : "Foreground";
}

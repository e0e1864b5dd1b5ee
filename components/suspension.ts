import type * as pulumi from "@pulumi/pulumi";

const scaled = ["kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet"];

/** Scales everything below a component to zero; what runs to an end is left alone. */
export const suspend: pulumi.ResourceTransformation = ({ type, props, opts }) =>
    scaled.includes(type) ? { props: { ...props, spec: { ...props.spec, replicas: 0 } }, opts } : undefined;

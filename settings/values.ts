/** Kinds of values that several settings have in common. */
import { z } from "zod";
import { workloadKind } from "../contract/publication";

/** A DNS label, as Kubernetes wants it for namespaces and for the names that become labels. */
export const label = z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "write lower-case letters, digits and dashes, 63 at most");

/** Name of an object of Kubernetes that is there already. */
export const objectName = z
    .string()
    .regex(
        /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
        "write an object's name: lower-case letters, digits, dashes, dots",
    );

/** A host name that certificates are made out to: no address, and no wildcard. */
export const host = z
    .string()
    .regex(
        /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
        "write a DNS name in lower case such as staging.example.org",
    );

/** A host's name, or its address, as something connects to it. */
export const reachable = z
    .string()
    .regex(
        /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
        "write a host name in lower case, or an address, without its port",
    );

/** A TCP port. */
export const port = z.number().int().min(1).max(65535);
/** A key of a Secret in the target namespace, which is there already. */
export const secretKey = z.strictObject({
    secret: objectName,
    key: z.string().regex(/^[-._a-zA-Z0-9]+$/, "write a Secret's key"),
});

export const absolutePath = z.string().regex(/^\/[^\0]*[^/\0]$/, "write an absolute path without a slash at its end");

const units: Record<string, number> = {
    ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 },
    ...{ k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 },
};

/** A size as Kubernetes writes it, for example `20Gi`; kept as text, see {@link bytes}. */
export const size = z.string().regex(/^[1-9][0-9]*(Ki|Mi|Gi|Ti)$/, "write a size such as 20Gi");

/** Bytes of a size, from the settings or from a cluster: `bytes("2Gi") === 2147483648`. */
export function bytes(text: string): number {
    const unit = /([KMGTP]i|[kMGTP])$/.exec(text)?.[0] ?? "";
    return Number(text.slice(0, text.length - unit.length)) * (units[unit] ?? 1);
}

/** A number of processors as Kubernetes writes it, for example `500m`; kept as text, see {@link thousandths}. */
export const processors = z
    .string()
    .regex(/^[1-9][0-9]*m?$/, "write a number of processors such as 2, or thousandths such as 500m");

/** Thousandths of a processor: `thousandths("2") === 2000`. */
export function thousandths(text: string): number {
    return text.endsWith("m") ? Number(text.slice(0, -1)) : Number(text) * 1000;
}

/** A time span such as `90s`, `15m`, `26h` or `7d`, as seconds. */
export const duration = z
    .string()
    .regex(/^[1-9][0-9]*[smhd]$/, "write a time span such as 90s, 15m, 26h or 7d")
    .transform((text) => Number(text.slice(0, -1)) * { s: 1, m: 60, h: 3600, d: 86400 }[text.slice(-1) as "s"]);

/** Stands for a text that is encrypted in a stack file, where that is read without the passphrase. */
export const encrypted = "encrypted";

/** A text that may hold a secret: it is never printed, and what it looks like nobody knows where it stands encrypted. */
export function secretText(pattern: RegExp, advice: string) {
    return z.string().superRefine((text, context) => {
        if (text !== encrypted && !pattern.test(text)) {
            context.addIssue({ code: "custom", input: {}, message: advice });
        }
    });
}

/** A workload of production, whose image tag is production's. */
export const workload = z.strictObject({
    kind: workloadKind.default("Deployment"),
    name: label,
    /** Container that runs the application; the first if left out. */
    container: label.optional(),
});

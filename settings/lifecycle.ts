/** The part of a stack file that says how long a copy of production's data may be used, and what comes after. */
import { z } from "zod";
import { duration } from "./values";

/** What `understudy ttl` does with a replica that has expired, besides flagging it. */
export const actions = ["flag", "suspend", "wipe"] as const;

const common = {
    /** Seconds after its switch at which a copy has expired; it never does if left out. */
    expires: duration.optional(),
    /** Seconds between the flag and what comes after it. */
    notice: duration.prefault("1d"),
    /** Seconds after which the data that is loaded is called stale; it never is if left out. */
    maximumAge: duration.optional(),
};

export const lifecycle = z.strictObject({
    ...common,
    action: z.enum(actions).default("flag"),
    /** Whether everything of the replica is scaled to zero; its volumes stay. */
    suspended: z.boolean().default(false),
});

/** On hosts there is nothing to scale to zero. */
export const hostLifecycle = z.strictObject({ ...common, action: z.enum(["flag", "wipe"]).default("flag") });

/** How long a copy may be used, wherever it is. */
export type LifecycleSettings = Omit<z.infer<typeof lifecycle>, "suspended">;

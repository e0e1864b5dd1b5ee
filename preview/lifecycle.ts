/** How long the copies may be used, as a stack file says it. */
import { formatAge } from "../agent/report";
import type { LifecycleSettings } from "../settings/lifecycle";
import type { Row } from "../table";

/** That a replica is suspended, when each of its copies expires, and what comes then; nothing if it never does. */
export function lifecycleRows({ lifecycle }: { lifecycle: LifecycleSettings & { suspended?: boolean } }): Row[] {
    const { expires, action, notice, suspended = false } = lifecycle;
    const after = { flag: "is flagged", suspend: "is suspended", wipe: "is wiped" }[action];
    const acts = action === "flag" ? after : `${after} ${formatAge(notice)} after it was flagged`;
    return [
        ...(suspended ? [["suspended", "everything is scaled to zero; the volumes stay"] satisfies Row] : []),
        ...(expires === undefined
            ? []
            : [["expires", `${formatAge(expires)} after its switch; by understudy ttl it ${acts}`] satisfies Row]),
    ];
}

/** How a replica is used, as its cluster or its host tells. */
import { ageOf } from "../agent/backup/age";
import { endOf, type HostSighting } from "../hosts/look";
import type { Usage } from "../lifecycle/expiry";
import { notesIn } from "../lifecycle/notes";
import { holdAnnotation } from "../preflight";
import type { Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import type { Sighting } from "../sighting";

/** The use of a replica on Kubernetes. */
export function usageInCluster({ hold, lifecycle }: Settings, { target, live, report }: Sighting): Usage {
    const held = hold ?? target?.annotations[holdAnnotation];
    const switched = report?.database.switched;
    return {
        notes: notesIn(target?.annotations),
        suspended: lifecycle.suspended,
        ...(live && { live }),
        ...(switched != null && { switched }),
        ...(held !== undefined && { held }),
    };
}

/** Seconds since the backup that is loaded, if it is known. */
export function ageInCluster({ report }: Sighting, now: number): number | undefined {
    const stamp = report?.database.report?.stamp;
    return stamp === undefined ? undefined : ageOf(stamp, now);
}

/** The use of a replica on hosts. */
export function usageOnHosts({ hold }: Pick<HostSettings, "hold">, sighting: HostSighting): Usage {
    const { live, notes = {} } = sighting;
    const switched = liveOn(sighting)?.switched;
    return {
        notes,
        ...(live && { live: endOf(live) }),
        ...(switched != null && { switched }),
        ...(hold !== undefined && { held: hold }),
    };
}

/** The same of hosts. */
export function ageOnHosts(sighting: HostSighting, now: number): number | undefined {
    const report = liveOn(sighting)?.report;
    return report == null ? undefined : ageOf(report.stamp, now);
}

function liveOn({ survey }: HostSighting) {
    return survey?.databases.find(({ state }) => state === "live");
}

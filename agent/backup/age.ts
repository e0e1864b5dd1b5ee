import type { DatabasePlan } from "../../contract";
import { formatAge } from "../report";

/** Clocks that differ by this many seconds are still taken for the same. */
const clockSkew = 300;

/** What a plan or a stack file says about one of its databases' backups. */
export interface Limits extends Pick<DatabasePlan, "dump" | "backup" | "maximumAge"> {
    name: string;
}

/** Seconds since a backup's stamp. */
export function ageOf(stamp: string, now: number): number {
    return (now - Date.parse(stamp)) / 1000;
}

/** Why a backup of this stamp may not be restored now; undefined if nothing speaks against it. */
export function ageProblem(limits: Limits, stamp: string, now: number): string | undefined {
    const age = ageOf(stamp, now);
    if (age < -clockSkew) {
        return (
            `The backup ${stamp} of ${described(limits)} is dated ${formatAge(-age)} in the future: correct the clock ` +
            "that names the backups, or set database.backup to another stamp."
        );
    }
    if (age > limits.maximumAge) {
        const which = limits.backup === "latest" ? "latest backup" : "backup";
        return (
            `The ${which} of ${described(limits)}, ${stamp}, is ${formatAge(age)} old, and the limit is ` +
            `${formatAge(limits.maximumAge)}: look why there is no newer one, or raise database.maximumAge.`
        );
    }
    return undefined;
}

/** What is backed up, in words. */
export function described({ dump, name }: Pick<Limits, "dump" | "name">): string {
    return dump === "server" ? "a whole server" : `database ${name}`;
}

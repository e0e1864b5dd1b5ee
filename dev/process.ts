import { readFileSync } from "node:fs";

/** Names one process for good: process ids are used again, together with the moment of their start they are not. */
export interface ProcessIdentity {
    pid: number;
    /** Start in clock ticks since boot, and which boot; empty where the system does not tell. */
    born: string;
}

/** The identity of a process that runs now; of one that does not, an identity that is never alive. */
export function identity(pid: number): ProcessIdentity {
    return { pid, born: bornOf(pid) ?? "never" };
}

/** Whether just this process still runs. One that has ended and waits to be collected does not. */
export function isAlive(process: ProcessIdentity): boolean {
    return bornOf(process.pid) === process.born;
}

function bornOf(pid: number): string | undefined {
    try {
        const status = readFileSync(`/proc/${pid}/stat`, "utf8");
        // The second field is the program's name in brackets and may hold anything, blanks included.
        const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
        const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
        return fields[0] === "Z" || fields[0] === "X" ? undefined : `${boot}/${fields[19]}`;
    } catch {
        return signalReaches(pid) ? "" : undefined;
    }
}

/** Where there is no /proc, all that can be asked. */
function signalReaches(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}

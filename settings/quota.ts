/** The part of a stack file that says how much of its cluster a replica may take. */
import { z } from "zod";
import type { Settings } from "../settings";
import { bytes, processors, size, thousandths } from "./values";

export const quota = z.strictObject({
    /** Processors that pods set aside. */
    cpu: processors.optional(),
    /** Memory that pods may use. */
    memory: size.optional(),
    /** Sizes of all claims. */
    storage: size.optional(),
    pods: z.number().int().min(1).optional(),
});
export type QuotaSettings = z.infer<typeof quota>;

const mebi = 2 ** 20;
const gibi = 2 ** 30;

/** What is there besides the application: servers, the Jobs that run at a time, and claims on production's stores. */
const others = { cpu: 600, memory: 8.25 * gibi, storage: 4 * gibi, pods: 12 };

/** What stands beside the application's own container in each of its pods. */
const beside = { cpu: 50, memory: 256 * mebi };

/** What the replica's own parts take at most: thousandths of a processor, bytes, bytes, pods. */
export function needOf({ database, media, application }: Settings): Record<keyof QuotaSettings, number> {
    const parts = application === undefined ? [] : [application, ...Object.values(application.workers)];
    // While they are replaced, the former ones are still ending.
    const pods = parts.reduce((sum, { replicas }) => sum + 2 * replicas, 0);
    const { memoryLimit = "0", cpuRequest = "0" } = application?.resources ?? {};
    return {
        cpu: others.cpu + pods * (thousandths(cpuRequest) + beside.cpu),
        memory: others.memory + pods * (bytes(memoryLimit) + beside.memory),
        storage: others.storage + bytes(database.volume ?? "0") + (media.mode === "copy" ? bytes(media.volume) : 0),
        pods: others.pods + pods,
    };
}

/** An amount as Kubernetes and a stack file write it, rounded up. */
export function written(of: keyof QuotaSettings, amount: number): string {
    const texts = { cpu: `${amount}m`, memory: mebibytes(amount), storage: mebibytes(amount), pods: `${amount}` };
    return texts[of];
}

function mebibytes(amount: number): string {
    return `${Math.ceil(amount / mebi)}Mi`;
}

/** What the quota says that would keep the replica's own pods and claims out. */
export function quotaContradictions(settings: Settings): string[] {
    const { cpu, memory, storage, pods } = settings.target.quota ?? {};
    const need = needOf(settings);
    const allowed = {
        ...(cpu !== undefined && { cpu: thousandths(cpu) }),
        ...(memory !== undefined && { memory: bytes(memory) }),
        ...(storage !== undefined && { storage: bytes(storage) }),
        ...(pods !== undefined && { pods }),
    };
    return Object.entries(allowed).flatMap(([name, amount]) => {
        const of = name as keyof QuotaSettings;
        return amount < need[of]
            ? `target.quota.${of} is ${settings.target.quota?.[of]}, less than the replica itself takes: write at least ${written(of, need[of])}`
            : [];
    });
}

/** Writes down what everybody is to find where a replica stands. */
import { bundle } from "../agent/bundle";
import { accessCluster } from "../cluster";
import { orderOf } from "../components/hosts/replica";
import { writeNoteOn } from "../hosts/notes";
import { openWays } from "../hosts/way";
import { type NoteName, noteAnnotation } from "../lifecycle/notes";
import type { Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";

/**
 * Writes notes in the place of former ones; null takes one away.
 *
 * @param stack `<project>/<stack>`
 * @throws Error when the cluster or the host cannot be reached
 */
export async function writeNotes(
    settings: Settings | HostSettings,
    stack: string,
    notes: Partial<Record<NoteName, object | null>>,
): Promise<void> {
    const entries = Object.entries(notes) as [NoteName, object | null][];
    if (settings.role === "replica") {
        return annotate(settings, entries);
    }
    const order = orderOf({ stack, settings, program: await bundle("all") }, "");
    const ways = openWays(order.hosts);
    try {
        for (const [name, content] of entries) {
            await writeNoteOn(order, ways, name, content);
        }
    } finally {
        ways.close();
    }
}

async function annotate({ target }: Settings, entries: [NoteName, object | null][]): Promise<void> {
    const annotations = entries.map(([name, content]) => [
        noteAnnotation(name),
        content === null ? null : JSON.stringify(content),
    ]);
    const { core } = await accessCluster(target.context);
    const { PatchStrategy, setHeaderOptions } = await import("@kubernetes/client-node");
    await core.patchNamespace(
        { name: target.namespace, body: { metadata: { annotations: Object.fromEntries(annotations) } } },
        setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
}

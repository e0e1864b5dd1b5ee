import { accessCluster, within } from "../cluster";
import type { Settings } from "../settings";
import { type Row, table } from "../table";
import { type Rbac, type Reader, readersBeyond } from "./rbac";

/** Who can read a replica and not production, as far as the clusters tell. */
export interface Access {
    readers: Reader[];
    /** What could not be compared, in sentences. */
    problems: string[];
}

/**
 * Compares who can read the replica's namespace with who can read production's.
 *
 * @throws Error when the replica's cluster does not tell
 */
export async function lookAtAccess({ source, target }: Settings): Promise<Access> {
    const problems: string[] = [];
    const [copy, production] = await Promise.all([
        rbacOf(target.context, target.namespace),
        source.namespace === undefined
            ? undefined
            : rbacOf(source.context, source.namespace).catch((error: Error) => {
                  problems.push(`Production's roles were not compared: ${error.message}.`);
                  return undefined;
              }),
    ]);
    if (source.namespace === undefined) {
        problems.push("Production's roles were not compared: source.namespace is not written.");
    }
    return { readers: readersBeyond(copy, production), problems };
}

async function rbacOf(context: string, namespace: string): Promise<Rbac> {
    const { rbac } = await accessCluster(context);
    try {
        const [roles, bindings, clusterRoles, clusterBindings] = await within(
            10,
            Promise.all([
                rbac.listNamespacedRole({ namespace }),
                rbac.listNamespacedRoleBinding({ namespace }),
                rbac.listClusterRole(),
                rbac.listClusterRoleBinding(),
            ]),
        );
        return {
            roles: roles.items,
            bindings: bindings.items,
            clusterRoles: clusterRoles.items,
            clusterBindings: clusterBindings.items,
        };
    } catch (error) {
        const code = (error as { code?: number }).code;
        const reason = code === 403 ? "this user may not list them" : (error as Error).message.split("\n")[0];
        throw new Error(`the roles of namespace ${namespace} (context "${context}") cannot be read (${reason})`);
    }
}

/** The same for people. */
export function describeAccess({ readers, problems }: Access, namespace: string): string {
    const rows = readers.map(({ subject, ways, production, through }): Row => {
        const there = production.length === 0 ? "nothing" : production.join(", ");
        return [subject, `${ways.join(", ")} (${through.join(", ")}); in production: ${there}`];
    });
    const none = `Nobody can read namespace ${namespace} who cannot read production in the same way.`;
    return [...(readers.length === 0 && problems.length === 0 ? [none] : [table(rows)]), ...problems]
        .filter((text) => text !== "")
        .join("\n");
}

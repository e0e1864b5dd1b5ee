/** What the settings of identity come to, for the agent and for the Job that makes a copy the replica's own. */
import { generationId } from "../contract";
import type { DatabaseIdentity, IdentityPlan, SetValue } from "../contract/identity";
import type { Settings } from "../settings";
import type { DatabaseIdentitySettings } from "../settings/identity";
import { folders } from "./agent";

/** What of the settings makes a copy the replica's own. */
interface Told extends Pick<Settings, "identity"> {
    database: { name: string; others: readonly { name: string }[] };
}

/** Nothing but what all databases have in common. */
const nothing: DatabaseIdentitySettings = { columns: "all", except: [], empty: [], set: [], preserve: [] };

/** What the agent is told; undefined if a copy stays as production made it. `folder` has the values of Secrets. */
export function identityPlanOf(
    { identity, database }: Told,
    folder: string = folders.identity,
): IdentityPlan | undefined {
    if (identity === undefined) {
        return undefined;
    }
    const { rewrite, others, ...own } = identity;
    const further = database.others.map(({ name }) => [name, databasePlan(others[name] ?? nothing, folder)] as const);
    return { rewrite, databases: Object.fromEntries([[database.name, databasePlan(own, folder)], ...further]) };
}

/** The same of what is rewritten alone, as a count is told: it is shorter, and holds nothing that is set. */
export function rewritesPlanOf(settings: Told): IdentityPlan | undefined {
    const plan = identityPlanOf(settings);
    const databases = Object.entries(plan?.databases ?? {}).map(([name, { columns, except }]) => [
        name,
        { columns, except, empty: [], set: [], preserve: [] },
    ]);
    return plan && { ...plan, databases: Object.fromEntries(databases) };
}

function databasePlan(
    { columns, except, sequences, empty, set, preserve }: DatabaseIdentitySettings,
    folder: string,
): DatabaseIdentity {
    return {
        columns,
        except,
        ...(sequences !== undefined && { floor: sequences.floor }),
        empty,
        set: set.map(({ table, columns, where }) => ({
            table,
            columns: Object.fromEntries(
                Object.entries(columns).map(([name, value]) => [name, toldValue(value, folder)]),
            ),
            ...(where !== undefined && { where }),
        })),
        preserve,
    };
}

function toldValue(value: DatabaseIdentitySettings["set"][number]["columns"][string], folder: string): SetValue {
    if (value === null) {
        return null;
    }
    return typeof value === "object" ? { file: `${folder}/${value.secret}/${value.key}` } : String(value);
}

/** The settings as a diff shows them: others have another id, and make another copy. Another value of a Secret does not. */
export function reasonsOfIdentity(settings: Told): { identity?: string } {
    const plan = identityPlanOf(settings);
    return plan === undefined ? {} : { identity: generationId({ plan: JSON.stringify(plan) }) };
}

/** The values of Secrets that rows are given, as a pod's volume; undefined if there are none. */
export function identityVolume({ identity }: Pick<Settings, "identity">): object | undefined {
    const sets = identity === undefined ? [] : [identity, ...Object.values(identity.others)].flatMap(({ set }) => set);
    const keys = new Map<string, Set<string>>();
    for (const value of sets.flatMap(({ columns }) => Object.values(columns))) {
        if (typeof value === "object" && value !== null) {
            keys.set(value.secret, new Set([...(keys.get(value.secret) ?? []), value.key]));
        }
    }
    const sources = [...keys].map(([name, its]) => ({
        secret: { name, items: [...its].map((key) => ({ key, path: `${name}/${key}` })) },
    }));
    return sources.length === 0 ? undefined : { projected: { sources } };
}

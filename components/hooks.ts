/** What the stack's hooks come to, for the agent and for the Jobs that run them. */
import type { Command } from "../contract";
import { type HookPoint, type HooksPlan, hookPoints, hooksId } from "../contract/hooks";
import type { Settings } from "../settings";
import { folders } from "./agent";

/** The points that each command comes to. */
const pointsOf: Partial<Record<Command, HookPoint[]>> = {
    "prepare-database": ["afterRestore", "beforeSwitch"],
    switch: ["afterSwitch"],
    smoke: ["afterStart"],
};

/** What of the settings hooks are about. */
interface Told {
    hooks: Settings["hooks"];
    database: Pick<Settings["database"], "name">;
}

/** What the agent is told; undefined if there are no hooks. `folder` has the secret values. */
export function hooksPlanOf({ hooks, database }: Told, folder: string = folders.hooks): HooksPlan | undefined {
    const at = Object.fromEntries(
        hookPoints
            .filter((point) => hooks[point].length > 0)
            .map((point) => [
                point,
                hooks[point].map(({ file, sql, database: name = database.name, transaction }, number) => ({
                    name: file ?? `no. ${number + 1}`,
                    database: name,
                    sql,
                    transaction,
                })),
            ]),
    );
    const secrets = Object.keys(hooks.secrets).map((name) => [name, `${folder}/${name}`]);
    const { variables, timeout } = hooks;
    return Object.keys(at).length === 0 ? undefined : { at, variables, secrets: Object.fromEntries(secrets), timeout };
}

/** The hooks that a command runs, as a diff shows them: another id means other hooks, and another run. */
export function reasonsOfHooks(command: Command, settings: Told): Record<string, string> {
    const plan = hooksPlanOf(settings);
    const points = (pointsOf[command] ?? []).map((point) => [point, hooksId(plan, point)] as const);
    return Object.fromEntries(
        points.flatMap(([point, id]) => (id === undefined ? [] : [[`hooks-${spelt(point)}`, id]])),
    );
}

/** As the names of annotations are written: `after-restore`. */
function spelt(point: HookPoint): string {
    return point.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The values of Secrets for a command's hooks, as a pod's volume; undefined if it has no hooks to run. */
export function hooksVolume(command: Command, settings: Pick<Settings, "hooks" | "database">): object | undefined {
    if (Object.keys(reasonsOfHooks(command, settings)).length === 0) {
        return undefined;
    }
    const sources = Object.entries(settings.hooks.secrets).map(([path, { secret, key }]) => ({
        secret: { name: secret, items: [{ key, path }] },
    }));
    return sources.length === 0 ? { emptyDir: {} } : { projected: { sources } };
}

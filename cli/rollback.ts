import type { UpdateSummary } from "@pulumi/pulumi/automation";
import { type Generations, generationsOf } from "../components/generations";
import type { Survey } from "../contract/survey";
import { parseSettings, type Settings } from "../settings";
import { project } from "./project";
import type { Changes } from "./refresh";

/**
 * What has to be written to the stack file to go back to the copies that were asked for before the present ones, among
 * those that are still there. The stack's history knows the settings that they were made from.
 *
 * @param history of the stack, the newest first
 * @throws Error when there is nothing to go back to
 */
export function rolledBack(
    settings: Settings,
    { databases, media }: Pick<Survey, "databases" | "media">,
    history: Pick<UpdateSummary, "kind" | "result" | "config">[],
    stackName: string,
): Changes {
    const present = generationsOf(settings);
    const isThere = ({ database, media: files }: Generations) =>
        databases.some(({ id, state }) => id === database && (state === "live" || state === "former")) &&
        (settings.media.mode !== "copy" || media.some(({ id, completed }) => id === files && completed !== null));
    for (const { kind, result, config } of history) {
        const former = kind === "update" && result === "succeeded" ? settingsIn(config, stackName) : undefined;
        if (former === undefined) {
            continue;
        }
        const generations = generationsOf(former);
        const differs = generations.database !== present.database || generations.media !== present.media;
        if (differs && isThere(generations)) {
            return {
                "database.backup": former.database.backup,
                "database.refresh": former.database.refresh,
                ...(former.media.mode === "copy" && { "media.refresh": former.media.refresh }),
            };
        }
    }
    const kept = databases.filter(({ state }) => state === "former").map(({ id }) => id);
    throw new Error(
        `There is nothing to go back to: no former settings lead to what is kept (database ${kept.join(", ") || "none"}). ` +
            "database.keepGenerations and media.keepGenerations say how much is.",
    );
}

/** The settings of a former update; undefined if today's schema does not take them. */
function settingsIn(config: UpdateSummary["config"], stackName: string): Settings | undefined {
    const values = Object.entries(config).map(([key, { value }]) => [key, value]);
    try {
        return parseSettings(Object.fromEntries(values), project, stackName);
    } catch {
        return undefined;
    }
}

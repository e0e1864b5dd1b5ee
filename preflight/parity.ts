/** Whether data is refreshed under the image tag that it was written by. */
import { awaited } from "../components/generations";
import { tagOf } from "../contract/tag";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import { backupAsked } from "./backup";

/**
 * Data belongs to the version that wrote it: the tags are compared whenever other data is asked for than is live. A
 * backup's own record of its tag counts; where there is none, what production runs now.
 */
export function tagMismatch(settings: Settings, sighting: Sighting): string | undefined {
    const asked = awaited(settings, sighting.live);
    const backup = asked.includes("database") ? backupAsked(settings, sighting) : undefined;
    if (asked.length > 0 && backup?.imageTag !== undefined) {
        return backup.imageTag === settings.imageTag
            ? undefined
            : `Data is refreshed under tag ${settings.imageTag}, but production ran ${backup.imageTag} when backup ` +
                  `${backup.stamp} was made.`;
    }
    const tag = sighting.sourceImage === undefined ? undefined : tagOf(sighting.sourceImage);
    return asked.length > 0 && tag !== undefined && tag !== settings.imageTag
        ? `Data is refreshed under tag ${settings.imageTag}, but production runs ${tag}.`
        : undefined;
}

/** Why the tags have to be compared and cannot be. */
export function unknownTag(settings: Settings, { unseen, live }: Sighting): string | undefined {
    const compared = settings.source.workload !== undefined && settings.allowTagMismatch === undefined;
    return unseen !== undefined && compared && awaited(settings, live).length > 0
        ? `Data is refreshed under production's tag, which is not known (${unseen}): make that cluster reachable, or ` +
              "write the reason why the tag may differ to allowTagMismatch."
        : undefined;
}

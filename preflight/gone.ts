/** What somebody has removed from a replica that stands. */
import { databaseSecret } from "../components/server-access";
import { replicaClaim } from "../components/volumes";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";

/**
 * One sentence for each object without which a refresh waits until its time is up. Pulumi believes that it is there, and
 * does not look by itself; it can be told to in the same run, so that none of this is a reason to refuse one.
 */
export function goneWarnings({ target, database, media }: Settings, stack: string, sighting: Sighting): string[] {
    const { live, claims = {}, credentials } = sighting;
    if (live === undefined) {
        return [];
    }
    const ours = database.server === undefined;
    const gone = [
        ...(ours && credentials === undefined ? [`Secret ${databaseSecret}`] : []),
        ...[...(ours ? [replicaClaim("database")] : []), ...(media.mode === "copy" ? [replicaClaim("media")] : [])]
            .filter((name) => claims[name] === undefined)
            .map((name) => `Claim ${name}`),
    ];
    const name = stack.split("/").at(-1);
    return gone.map(
        (object) =>
            `${object} is gone from namespace ${target.namespace}, although the replica stands. Pulumi makes it again ` +
            `after pulumi refresh --stack ${name}; until then, Jobs wait for it in vain.`,
    );
}

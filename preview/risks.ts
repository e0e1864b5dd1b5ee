/** What to weigh before a replica is updated, besides what speaks against it. */
import { updateObjections } from "../preflight";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import { fatesOf } from "./fates";
import { held, unmasked } from "./summary";

/** Modes of mail in which something may leave the replica. */
const leaving: Partial<Record<Settings["mail"]["mode"], string>> = {
    redirect: "Mail leaves the replica: all of it goes to mail.to.",
    filter: "Mail leaves the replica: what is for mail.allowed is sent.",
};

/**
 * A sentence for each risk.
 *
 * @param sighting undefined if the clusters could not be looked at
 */
export function risksOf(settings: Settings, stack: string, sighting: Sighting | undefined, now: number): string[] {
    const { database, masking, mail, hold } = settings;
    const fates = fatesOf(settings, sighting);
    const left = leaving[mail.mode];
    return [
        ...held(hold),
        ...(sighting === undefined ? [] : updateObjections(settings, stack, sighting, now)).map(
            (why) => `At this moment an update is refused: ${why}`,
        ),
        ...(database.keepGenerations === 0 && fates.database === "replaced"
            ? ["No former copy of the database is kept (database.keepGenerations is 0): there is no way back."]
            : []),
        ...(masking === undefined && fates.database !== "stays" ? [unmasked()] : []),
        ...(left === undefined ? [] : [left]),
    ];
}

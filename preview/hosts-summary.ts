/** What becomes of a replica on hosts, in one line, and what to weigh before. */
import { ageOf } from "../agent/backup/age";
import { formatAge, plural } from "../agent/report";
import { generationsOf } from "../components/hosts/generations";
import type { HostSighting } from "../hosts/look";
import { hostAnnounceObjections, replaces } from "../preflight/hosts";
import type { HostSettings } from "../settings/hosts";
import { describeOrigin } from "../settings/hosts/folders";
import { type Fate, held, type Part, type Summary, summaryOf, unmasked } from "./summary";

/**
 * What becomes of the copies, from when they are, and how one comes back.
 *
 * @param origin where the database would come from
 */
export function hostSummary(
    settings: HostSettings,
    stack: string,
    sighting: HostSighting,
    origin: string,
    now: number,
): Summary {
    const { source, database, media, services } = settings;
    const name = stack.slice(stack.indexOf("/") + 1);
    const generations = generationsOf(settings);
    const ofDatabase = databaseFate(settings, sighting);
    const copies: Part[] = [
        ...(media?.mode === "copy"
            ? [part("the media", generations.media, `the media from ${describeOrigin(source.media)}`)]
            : []),
        ...settings.folders.map((one) =>
            part(
                `folder ${one.name}`,
                generations.folders[one.name] ?? "",
                `${one.name} from ${describeOrigin(one.from)}`,
            ),
        ),
    ];
    const stamp = sighting.survey?.databases.find(({ state }) => state === "live")?.report?.stamp;
    const isExchanged = ofDatabase === "replaced" || ofDatabase === "returns";
    const more = [
        ...(stamp === undefined ? [] : [`In use is the dump of ${stamp} (${formatAge(ageOf(stamp, now))} old).`]),
        ...(isExchanged && services.length > 0
            ? [
                  `${plural(services.length, "service")} ${services.length === 1 ? "is" : "are"} stopped for the exchange.`,
              ]
            : []),
        ...(ofDatabase === "replaced" && database.keepGenerations > 0
            ? [`The way back is understudy rollback ${name}: the former copy is kept.`]
            : []),
    ];
    return summaryOf(
        name,
        [{ name: "the database", fate: ofDatabase, origin: `the database is ${origin}` }, ...copies],
        more,
    );

    function part(called: string, id: string, from: string): Part {
        const whole = sighting.survey?.media.filter(({ completed }) => completed !== null) ?? [];
        const isThere = whole.some((one) => one.id === id);
        const made: Fate = sighting.live === undefined ? "first" : "replaced";
        return { name: called, fate: isUnseen(sighting) ? "unknown" : isThere ? "stays" : made, origin: from };
    }
}

function databaseFate(settings: HostSettings, sighting: HostSighting): Fate {
    const wanted = generationsOf(settings).database;
    const found = sighting.survey?.databases ?? [];
    if (isUnseen(sighting)) {
        return "unknown";
    }
    if (found.some(({ id, state }) => id === wanted && state === "live")) {
        return "stays";
    }
    if (!found.some(({ state }) => state === "live")) {
        return "first";
    }
    return found.some(({ id, state }) => id === wanted && state === "former") ? "returns" : "replaced";
}

/** Whether the target did not answer; one that has no agent yet holds nothing. */
function isUnseen({ survey, problems }: HostSighting): boolean {
    return survey === undefined && problems.length > 0;
}

/** A sentence for each risk. */
export function hostRisks(settings: HostSettings, stack: string, sighting: HostSighting): string[] {
    const { database, masking, hold } = settings;
    const fate = databaseFate(settings, sighting);
    const isReplaced = !isUnseen(sighting) && replaces(settings, sighting);
    return [
        ...held(hold),
        ...hostAnnounceObjections(settings, stack, sighting, isReplaced).map(
            (why) => `At this moment an update is refused: ${why}`,
        ),
        ...(sighting.buckets ?? []).flatMap(({ to, deletes }) =>
            deletes === undefined || deletes.objects === 0
                ? []
                : [`${plural(deletes.objects, "object")} in bucket ${to} would be deleted.`],
        ),
        ...(database.keepGenerations === 0 && fate === "replaced"
            ? ["No former copy of the database is kept (database.keepGenerations is 0): there is no way back."]
            : []),
        ...(masking === undefined && fate !== "stays" ? [unmasked()] : []),
    ];
}

/** What an update of a replica on hosts would do, in words. */
import { formatAge, plural } from "../agent/report";
import { generationsOf } from "../components/hosts/generations";
import type { BucketOutcome } from "../contract/buckets";
import { describeIsolation } from "../hosts/isolation";
import type { HostSighting } from "../hosts/look";
import { describeAnnouncement } from "../preflight/announcement";
import { databasesOf } from "../settings/database";
import type { HostSettings } from "../settings/hosts";
import { describeOrigin } from "../settings/hosts/folders";
import type { Row } from "../table";
import { hostRisks, hostSummary } from "./hosts-summary";
import { lifecycleRows } from "./lifecycle";
import type { Preview } from "./summary";

/**
 * What an update would do.
 *
 * @param stack `<project>/<stack>`
 */
export function hostPreviewOf(
    settings: HostSettings,
    stack: string,
    sighting: HostSighting,
    now = Date.now(),
): Preview {
    return {
        summary: hostSummary(settings, stack, sighting, fromWhere(settings, false), now),
        risks: hostRisks(settings, stack, sighting),
        rows: hostPreviewRows(settings, sighting),
    };
}

/** The rows of the preview, in the order in which things happen. */
export function hostPreviewRows(settings: HostSettings, sighting: HostSighting): Row[] {
    const { source, target, database, media, services, parity } = settings;
    const generations = generationsOf(settings);
    const live = sighting.survey?.databases.find(({ state }) => state === "live");
    const names = databasesOf(database)
        .map(({ name }) => name)
        .join(", ");
    const isNew = live?.id !== generations.database;
    const kept = sighting.survey?.databases.find(
        ({ id, state }) => id === generations.database && state !== "preparing",
    );
    const rows: Row[] = [
        [
            "database",
            isNew
                ? `${names} on ${target.host}: ${fromWhere(settings, kept !== undefined)}`
                : `${names} stays (${generations.database})`,
        ],
    ];
    if (live !== undefined && isNew) {
        rows.push([
            "replaced",
            `${live.id}, of backup ${live.report?.stamp ?? "unknown"}, ${ageOf(live.report?.stamp)}; it is kept as long as database.keepGenerations says`,
        ]);
    }
    if (media !== undefined) {
        const there = sighting.survey?.media.some(
            ({ id, completed }) => id === generations.media && completed !== null,
        );
        rows.push([
            "media",
            media.mode === "copy"
                ? there === true
                    ? `stay (${generations.media})`
                    : `copied from ${describeOrigin(source.media)} to ${target.media} on ${target.host}`
                : `${describeOrigin(source.media)} is read as it is, and not written to`,
        ]);
    }
    for (const { name, from, to } of settings.folders) {
        const id = generations.folders[name];
        const there = sighting.survey?.media.some((one) => one.id === id && one.completed !== null) === true;
        const how = there ? `stays (${id})` : `copied from ${describeOrigin(from)} to ${to} on ${target.host}`;
        rows.push([`folder ${name}`, how]);
    }
    for (const { host, path, template } of settings.files) {
        rows.push(["written", `${path} on ${host}, from ${template}`]);
    }
    if (isNew && services.length > 0) {
        rows.push([
            "stopped meanwhile",
            services.map(({ name, host }) => (host === undefined ? name : `${name} on ${host}`)).join(", "),
        ]);
    }
    rows.push(...(sighting.buckets ?? []).map(bucketRow));
    if (sighting.announced !== undefined) {
        rows.push(["announced", describeAnnouncement(sighting.announced)]);
    }
    if (sighting.parity !== undefined) {
        const { source: there, target: here, same } = sighting.parity;
        rows.push([
            "version",
            same
                ? `${there} on both sides`
                : `the source runs ${there}, the target ${here}${parity?.allowMismatch === undefined ? "" : "; allowed"}`,
        ]);
    }
    if (sighting.isolation !== undefined) {
        rows.push(["unreachable", describeIsolation(sighting.isolation)]);
    }
    rows.push(...lifecycleRows(settings));
    return rows;
}

/** What a copy of a bucket would do. */
function bucketRow({ from, to, adds, changes, deletes, problem }: BucketOutcome): Row {
    const each = Object.entries({ "to add": adds, "to change": changes, "to delete": deletes }).flatMap(
        ([what, amount]) =>
            amount === undefined || amount.objects === 0
                ? []
                : `${plural(amount.objects, "object")} ${what} (${amount.examples.join(", ")}${amount.objects > amount.examples.length ? ", …" : ""})`,
    );
    return ["bucket", `${from} to ${to}: ${problem ?? (each.join("; ") || "nothing to copy")}`];
}

function fromWhere({ source, database }: HostSettings, isKept: boolean): string {
    if (isKept) {
        return "switched to a copy that is there";
    }
    const { host, command, files, replica } = source.database;
    const whose = replica ? `the replica of stack ${source.stack} on ${host}` : host;
    if (database.backup === "now") {
        return command === undefined ? `dumped on ${whose} now` : `dumped on ${whose} now by ${command}`;
    }
    return `${database.backup === "latest" ? "the newest dump" : `the dump ${database.backup}`} at ${files} on ${whose}`;
}

function ageOf(stamp: string | undefined): string {
    return stamp === undefined ? "of unknown age" : `${formatAge((Date.now() - Date.parse(stamp)) / 1000)} old`;
}

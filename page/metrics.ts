/** How replicas are, for Prometheus: its text format, without times of its own. */
import type { Standing } from "../cli/overview";

/** A figure of each replica; null of those of which it is not known, and there is no line then. */
interface Metric {
    help: string;
    value(standing: Standing, now: number): number | null;
}

/** What there is, by name without {@link prefix}. */
const metrics: Record<string, Metric> = {
    replica_up: {
        help: "1 if the replica stands and a copy is live on it, 0 if not, or if its cluster cannot be read.",
        value: ({ stands, backup }) => flag(stands === true && backup !== null),
    },
    backup_age_seconds: {
        help: "Time since the stamp of the backup that is live.",
        value: ({ backup }, now) => since(backup, now),
    },
    copy_age_seconds: {
        help: "Time since the database's copy became live.",
        value: ({ switched }, now) => since(switched, now),
    },
    refresh_seconds: {
        help: "What all phases of the last refresh took together, 0 for a rollback.",
        value: ({ loaded }) => loaded?.seconds ?? null,
    },
    away_seconds: {
        help: "Time that nobody could connect at the last switch of the database.",
        value: ({ loaded }) => (loaded?.awayMs == null ? null : loaded.awayMs / 1000),
    },
    database_bytes: {
        help: "Size of the databases when they were loaded.",
        value: ({ loaded }) => loaded?.databaseBytes ?? null,
    },
    media_bytes: {
        help: "Size of the copy of the media.",
        value: ({ loaded }) => loaded?.mediaBytes ?? null,
    },
    rows: {
        help: "Rows of the databases when they were loaded.",
        value: ({ loaded }) => loaded?.rows ?? null,
    },
    newer_backup: {
        help: "1 if production has published a newer backup than the one that is live.",
        value: ({ backup, newer }) => (backup === null ? null : flag(newer !== null)),
    },
    expires_timestamp_seconds: {
        help: "When the copy expires, in seconds since 1970.",
        value: ({ expires }) => (expires === null ? null : Date.parse(expires) / 1000),
    },
    held: {
        help: "1 if somebody holds the replica.",
        value: ({ hold, stands }) => (stands === null ? null : flag(hold !== null)),
    },
    stale: {
        help: "1 if the data are older than lifecycle.maximumAge.",
        value: ({ stale, stands }) => (stands === null ? null : flag(stale)),
    },
    tag_differs: {
        help: "1 if the replica has another image tag than production.",
        value: ({ imageTag, productionTag }) =>
            imageTag === null || productionTag === null ? null : flag(imageTag !== productionTag),
    },
};

const prefix = "understudy_";

/** Names of all metrics. */
export const metricNames = Object.keys(metrics).map((name) => prefix + name);

/** The figures of all replicas on Kubernetes, and of the stacks whose file cannot be read; the others are not looked at. */
export function metricsOf(standings: Standing[], now: number): string {
    const replicas = standings.filter(({ role }) => role === "replica" || role === null);
    return Object.entries(metrics)
        .map(([name, { help, value }]) => {
            const lines = replicas.flatMap((one) => {
                const figure = value(one, now);
                return figure === null || !Number.isFinite(figure)
                    ? []
                    : [`${prefix}${name}${labelsOf(one)} ${figure}\n`];
            });
            return `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} gauge\n${lines.join("")}`;
        })
        .join("");
}

function labelsOf({ stack, namespace }: Standing): string {
    return `{stack="${escaped(stack)}",namespace="${escaped(namespace ?? "")}"}`;
}

function escaped(value: string): string {
    return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function flag(is: boolean): number {
    return is ? 1 : 0;
}

function since(time: string | null, now: number): number | null {
    return time === null ? null : (now - Date.parse(time)) / 1000;
}

/** Stacks as a page has them. */
import type { Standing } from "../../cli/overview";
import type { HistoryEntry } from "../../contract/history";

/** The time of the page. */
export const now = Date.parse("2026-11-23T05:04:01Z");

/** A refresh every night, so many of them, the last one tonight; figures that differ from night to night. */
export function nights(count: number): HistoryEntry[] {
    return Array.from({ length: count }, (_, at) => {
        const [begun, wave] = [now - (count - at) * 86_400_000, 1 + Math.sin(at / 9) / 8];
        return {
            switched: new Date(begun + 7_200_000 * wave).toISOString(),
            database: at.toString(16).padStart(10, "0"),
            media: at.toString(16).padStart(10, "a"),
            backup: new Date(begun).toISOString().replace(".000", ""),
            seconds: 180 * wave + at / 10,
            awayMs: at % 7 === 3 ? null : Math.round(14 * wave),
            rows: 382_344 + at * 911,
            databaseBytes: 88_080_384 + at * 65_536,
            mediaFiles: 4_219 + at,
            mediaBytes: 7_549_747 + at * 40_960,
        };
    });
}

/** A replica that is well, or is otherwise. */
export function replica(stack: string, otherwise: Partial<Standing> = {}, history = nights(40)): Standing {
    const loaded = history.at(-1) ?? null;
    const backup = loaded?.backup ?? null;
    return {
        ...{
            stack,
            role: "replica",
            context: "staging",
            namespace: `replica-${stack}`,
            stands: true,
            imageTag: "1.4.0",
        },
        ...{
            productionTag: "1.4.0",
            newer: null,
            hold: null,
            expires: null,
            stale: false,
            suspended: false,
            notes: [],
        },
        ...{
            backup,
            age: backup === null ? null : (now - Date.parse(backup)) / 1000,
            switched: loaded?.switched ?? null,
        },
        ...{ history, loaded },
        ...otherwise,
    };
}

const nothing = { backup: null, age: null, switched: null, productionTag: null, history: [], loaded: null };

/** Stacks of all kinds. */
export const standings: Standing[] = [
    replica("demo"),
    replica("dev-alan", {
        newer: "2026-11-23T04:04:01Z",
        productionTag: "1.5.0",
        hold: "the test team: until Friday",
        expires: "2026-11-23T00:00:00Z",
        stale: true,
        notes: [
            "held by the test team: until Friday",
            "has expired 2026-11-23T00:00:00Z",
            "ci on runner-3, process 91 is changing it",
        ],
    }),
    replica("dev-new", {}, nights(1)),
    replica("gone", { ...nothing, stands: false }),
    replica("out-of-reach", {
        ...nothing,
        stands: null,
        notes: ['cannot read the cluster of context "staging": no answer within 10 s'],
    }),
    replica("on-hosts", {
        ...nothing,
        role: "hosts",
        stands: null,
        context: null,
        namespace: null,
        imageTag: null,
        notes: ["on host vm1"],
    }),
    replica("production", {
        ...nothing,
        role: "source",
        stands: null,
        imageTag: null,
        notes: ["publishes backups at 51 * * * *"],
    }),
    replica("torn", {
        ...nothing,
        role: null,
        stands: null,
        context: null,
        namespace: null,
        imageTag: null,
        notes: ["Pulumi.torn.yaml has 5 problems:"],
    }),
];

/** A text that is more than text, wherever it is not taken for one. */
export const hostile = `</td></script><script>alert(1)</script><img src=x onerror=alert(1)>"' & \\ \n{}\u0000\u202e`;

/** A replica with such a text wherever one can be. */
export function hostileReplica(text: string): Standing {
    const entry = { ...(nights(1)[0] as HistoryEntry), backup: text, database: text, media: text };
    return replica(text, {
        ...{ context: text, namespace: text, imageTag: text, productionTag: `${text}1`, hold: text, newer: text },
        ...{ notes: [text], backup: text, switched: text, expires: text, history: [entry, entry], loaded: entry },
    });
}

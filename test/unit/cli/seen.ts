import type { Live } from "../../../contract/event";
import { parseSettings } from "../../../settings";
import { report } from "../../report";

/** Its stack file. */
export const config = {
    "understudy:source": '{"database": {"hostPath": "/a"}, "media": {"hostPath": "/b"}}',
    "understudy:target": '{"context": "here", "namespace": "replica"}',
    "understudy:image": "shop",
    "understudy:imageTag": "1.0",
    "understudy:database": '{"name": "shop", "owner": "shop", "volume": "2Gi", "backup": "2026-11-20T02:04:01Z"}',
    "understudy:media": '{"volume": "2Gi", "refresh": "b"}',
    "understudy:application": '{"mediaPath": "/srv"}',
};
export const settings = parseSettings(config, "understudy", "demo");

/** Backups in production's store. */
export const backups = ["2026-11-20T04:04:01Z", "2026-11-20T02:04:01Z"].map((stamp) => ({ stamp, bytes: 10, age: 60 }));

/** What is live: database and media of one refresh. */
export const live: Live = {
    event: "live",
    kept: [],
    room: { database: 4096, media: 8192 },
    database: {
        id: "00000000aa",
        state: "live",
        switched: "2026-11-20T02:20:00.000Z",
        awayMs: 8,
        report,
        others: [],
    },
    media: {
        id: "00000000bb",
        completed: "2026-11-20T02:10:00.000Z",
        report: {
            generation: "00000000bb",
            files: 800,
            bytes: 2048,
            linked: 790,
            cloned: 0,
            vanished: 0,
            owners: "the agent's",
            proof: ["kind, size, time, permissions and owner of 850 names"],
            unknown: [],
            phases: [{ name: "copy", seconds: 0.4 }],
        },
    },
};

/** The time of the looks at it. */
export const now = Date.parse("2026-11-20T05:04:01Z");

import { beforeAll, describe, expect, it } from "vitest";
import type { Live } from "../../contract/event";
import { report } from "../report";
import { isSecret, type Run, runProgram } from "./monitor";
import { changed, cluster, config, find } from "./registered";

const pods =
    "/api/v1/namespaces/replica/pods?labelSelector=" +
    encodeURIComponent("app.kubernetes.io/part-of=understudy,app.kubernetes.io/name=switch");
const log = "/api/v1/namespaces/replica/pods/switch-1-x/log";

/** The cluster after a switch to these generations, of which its Job has told on its log. */
function switched({ databaseGeneration, mediaGeneration }: Run["outputs"]) {
    const live: Live = {
        event: "live",
        kept: [],
        database: {
            id: String(databaseGeneration),
            state: "live",
            switched: "2026-11-20T02:20:00.000Z",
            awayMs: 8,
            report,
            others: [],
        },
        media: { id: String(mediaGeneration), completed: null, report: null },
    };
    return {
        ...cluster,
        [pods]: { items: [{ metadata: { name: "switch-1-x" }, status: { phase: "Succeeded" } }] },
        [log]: `waiting for the server\n${JSON.stringify(live)}\nGeneration … is live.\n`,
    };
}

describe("the stack's outputs", () => {
    let unread: Run;
    beforeAll(async () => {
        unread = await runProgram({ config, cluster });
    });

    it("tell which backup is live and since when, from the switch's own record", async () => {
        const { outputs } = await runProgram({ config, cluster: switched(unread.outputs) });
        expect(outputs).toMatchObject({ backup: "2026-11-20T02:04:01Z", switched: "2026-11-20T02:20:00.000Z" });
    });

    it("say that the backup is unknown when the record is gone, or is of other generations than are asked for", async () => {
        expect(unread.status).toBe(0);
        expect(unread.outputs).toMatchObject({ backup: "unknown", switched: "unknown" });
        const other = await runProgram({
            config: changed("database", { refresh: "2" }),
            cluster: switched(unread.outputs),
        });
        expect(other.status).toBe(0);
        expect(other.outputs).toMatchObject({ backup: "unknown", switched: "unknown" });
    });

    it("name the Secret with the way into the database, and hold no secret", () => {
        const { databaseSecret } = unread.outputs;
        const { metadata } = find(unread, "kubernetes:core/v1:Secret", "login").inputs as { metadata: object };
        expect(metadata).toMatchObject({ name: databaseSecret });
        for (const [key, value] of Object.entries(unread.outputs)) {
            expect(isSecret(value), key).toBe(false);
        }
    });
});

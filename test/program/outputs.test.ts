import { beforeAll, describe, expect, it } from "vitest";
import type { Live } from "../../contract/event";
import { report } from "../report";
import { isSecret, type Run, runProgram } from "./monitor";
import { changed, cluster, config, find, template } from "./registered";

const pods =
    "/api/v1/namespaces/replica/pods?labelSelector=" +
    encodeURIComponent("app.kubernetes.io/part-of=understudy,app.kubernetes.io/name=switch");
const log = "/api/v1/namespaces/replica/pods/switch-1-x/log";

/** The cluster after a switch to these generations, of which its Job has told on its log. */
function switched({ databaseGeneration, mediaGeneration }: Run["outputs"]) {
    const live: Live = {
        event: "live",
        kept: [],
        room: { database: 4096, media: 8192 },
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
    let known: Run;
    beforeAll(async () => {
        unread = await runProgram({ config, cluster });
        known = await runProgram({ config, cluster: switched(unread.outputs) });
    });

    it("tell which backup is live and since when, from the switch's own record", () => {
        expect(known.outputs).toMatchObject({ backup: "2026-11-20T02:04:01Z", switched: "2026-11-20T02:20:00.000Z" });
    });

    it("hold the whole report, which is put into a ConfigMap as well", () => {
        expect(known.outputs.report).toMatchObject({
            database: { report: { tables: report.tables } },
            room: { media: 8192 },
        });
        const { data } = find(known, "kubernetes:core/v1:ConfigMap", "report").inputs as {
            data: Record<string, string>;
        };
        expect(JSON.parse(data["report.json"] ?? "")).toEqual(known.outputs.report);
        expect(find(unread, "kubernetes:core/v1:ConfigMap", "report").inputs).toMatchObject({ data: {} });
    });

    it("are in the bar of every page as well, for which the pods are replaced; what is unknown is not", () => {
        const barOf = (run: Run) => {
            const { data } = find(run, "kubernetes:core/v1:ConfigMap", "application-banner").inputs;
            return (data as Record<string, string>)["filter.js"] ?? "";
        };
        expect(barOf(known)).toContain("Copy of production: demo &#183; data of 2026-11-20 02:04 UTC &#183; image tag");
        expect(barOf(unread)).toContain("Copy of production: demo &#183; image tag 1.0");
        const annotation = (run: Run) =>
            template(find(run, "kubernetes:apps/v1:Deployment", "application-deployment")).metadata.annotations[
                "understudy/banner"
            ];
        expect(annotation(known)).toMatch(/^[0-9a-f]{8}$/);
        expect(annotation(known)).not.toBe(annotation(unread));
    });

    it("come from that ConfigMap when the record is gone with its pod", async () => {
        const { [pods]: _, [log]: line, ...rest } = switched(unread.outputs) as Record<string, object | string>;
        const kept = { metadata: {}, data: { "report.json": String(line).split("\n")[1] } };
        const path = "/api/v1/namespaces/replica/configmaps/understudy-report";
        const { outputs } = await runProgram({ config, cluster: { ...rest, [pods]: { items: [] }, [path]: kept } });
        expect(outputs).toMatchObject({ backup: "2026-11-20T02:04:01Z", switched: "2026-11-20T02:20:00.000Z" });
    });

    it("leave what each copy came to in that ConfigMap: the one that is live once, and the ones before as they are", async () => {
        const path = "/api/v1/namespaces/replica/configmaps/understudy-report";
        const historyAfter = async (before: string) => {
            const found = { metadata: {}, data: { "history.jsonl": before } };
            const run = await runProgram({ config, cluster: { ...switched(unread.outputs), [path]: found } });
            const { data } = find(run, "kubernetes:core/v1:ConfigMap", "report").inputs;
            return (data as Record<string, string>)["history.jsonl"] ?? "";
        };
        const first = await historyAfter("");
        expect(JSON.parse(first)).toMatchObject({
            ...{ switched: "2026-11-20T02:20:00.000Z", backup: "2026-11-20T02:04:01Z", rows: 1200, awayMs: 8 },
            database: unread.outputs.databaseGeneration,
        });
        const former = first
            .replace("2026-11-20T02:20", "2026-11-19T02:20")
            .replace(/"database":"\w+"/, '"database":"00000000aa"');
        const both = await historyAfter(former);
        expect(both).toBe(former + first);
        expect(await historyAfter(both)).toBe(both);
    });

    it("say that the backup is unknown when the record is gone, or is of other generations than are asked for", async () => {
        expect(unread.status).toBe(0);
        expect(unread.outputs).toMatchObject({ backup: "unknown", switched: "unknown", report: "unknown" });
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

import type { V1MicroTime, V1PodStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { failuresAmong } from "../../../record";

describe("a failed run", () => {
    const job = (type: string) => ({
        metadata: { name: "switch-1", labels: { "app.kubernetes.io/name": "switch" } },
        status: {
            conditions: [
                {
                    type,
                    status: "True",
                    message: "Job was active longer than specified deadline",
                    lastTransitionTime: new Date("2026-11-20T04:00:00Z") as V1MicroTime,
                },
            ],
        },
    });
    const pod = {
        metadata: { labels: { "batch.kubernetes.io/job-name": "switch-1" } },
        status: {
            containerStatuses: [{ state: { terminated: { exitCode: 1, message: "Failed: why.\n" } } }],
        } as V1PodStatus,
    };

    it("is told in the words of its pod, else in the cluster's", () => {
        const run = { command: "switch", ended: "2026-11-20T04:00:00.000Z" };
        expect(failuresAmong([job("Failed")], [pod])).toEqual([{ ...run, sentence: "Failed: why." }]);
        expect(failuresAmong([job("Failed")], [])).toEqual([
            { ...run, sentence: "Job was active longer than specified deadline" },
        ]);
    });

    it("is none that ended well", () => {
        expect(failuresAmong([job("Complete")], [pod])).toEqual([]);
    });
});

import { describe, expect, it } from "vitest";
import { bounded } from "../../../policy/jobs";
import { unknown } from "../../../policy/registered";
import { object, pod } from "./asked";

const spec = (changes: object = {}, restartPolicy: unknown = "Never") => ({
    ...{ backoffLimit: 0, activeDeadlineSeconds: 300 },
    template: { spec: pod({ restartPolicy }) },
    ...changes,
});
const job = (changes?: object, restartPolicy?: unknown) =>
    bounded(object("Job", "switch", { spec: spec(changes, restartPolicy) }));
const cron = (changes: object, ofJob?: object) =>
    bounded(
        object("CronJob", "publish", {
            spec: {
                ...{ startingDeadlineSeconds: 180, concurrencyPolicy: "Forbid", jobTemplate: { spec: spec(ofJob) } },
                ...changes,
            },
        }),
    );

describe("Jobs are bounded", () => {
    it("has nothing to say of one that is, and of what is not known", () => {
        expect(job()).toEqual([]);
        expect(job({ backoffLimit: 3 })).toEqual([]);
        expect(job({ backoffLimit: unknown, activeDeadlineSeconds: unknown }, unknown)).toEqual([]);
        expect(bounded(object("Deployment", "web", { spec: spec({ activeDeadlineSeconds: undefined }) }))).toEqual([]);
    });

    const retries = "Job switch is tried again more than 3 times: write a backoffLimit of at most 3";
    const restarts = "Job switch starts its containers again, which loses what they said: write restartPolicy: Never";
    it.each([
        [{ activeDeadlineSeconds: undefined }, "Never", "Job switch may run for ever: write activeDeadlineSeconds"],
        [{ backoffLimit: undefined }, "Never", retries],
        [{ backoffLimit: 4 }, "Never", retries],
        [{}, "OnFailure", restarts],
        [{}, null, restarts],
    ])("says what is wrong with %j, %s", (changes, restartPolicy, sentence) => {
        expect(job(changes, restartPolicy)).toEqual([sentence]);
    });
});

describe("schedules are bounded", () => {
    it("has nothing to say of one that is", () => {
        expect(cron({})).toEqual([]);
        expect(cron({ concurrencyPolicy: "Replace" })).toEqual([]);
    });

    it.each([
        [{ startingDeadlineSeconds: undefined }, "CronJob publish may begin hours late: write startingDeadlineSeconds"],
        [{ concurrencyPolicy: "Allow" }, "CronJob publish may run beside itself: write concurrencyPolicy: Forbid"],
        [{ concurrencyPolicy: undefined }, "CronJob publish may run beside itself: write concurrencyPolicy: Forbid"],
    ])("says what is wrong with %j", (changes, sentence) => {
        expect(cron(changes)).toEqual([sentence]);
    });

    it("looks at the Jobs that they make", () => {
        expect(cron({}, { activeDeadlineSeconds: undefined })).toEqual([
            "CronJob publish may run for ever: write activeDeadlineSeconds",
        ]);
    });
});

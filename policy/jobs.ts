/** Jobs end in time, and end in failure when they have failed. */
import { at, isOneOf, kindOf, type Registered, titleOf } from "./registered";

/** Attempts after the first one that may be had: more of them hide what is wrong, and work on the same data. */
const mostRetries = 3;

/** What lets a Job or a CronJob go on, or begin, when it should not. */
export function bounded(resource: Registered): string[] {
    const kind = kindOf(resource);
    const { props } = resource;
    const problems =
        kind === "Job"
            ? ofJob(at(props, "spec"))
            : kind === "CronJob"
              ? [...ofSchedule(at(props, "spec")), ...ofJob(at(props, "spec", "jobTemplate", "spec"))]
              : [];
    return problems.map((problem) => `${titleOf(resource)} ${problem}`);
}

function ofJob(job: unknown): string[] {
    const retries = at(job, "backoffLimit");
    const restart = at(job, "template", "spec", "restartPolicy");
    return [
        ...(at(job, "activeDeadlineSeconds") === undefined ? ["may run for ever: write activeDeadlineSeconds"] : []),
        ...(isOneOf(restart, "Never")
            ? []
            : ["starts its containers again, which loses what they said: write restartPolicy: Never"]),
        ...(typeof retries !== "symbol" && Number(retries ?? Infinity) > mostRetries
            ? [`is tried again more than ${mostRetries} times: write a backoffLimit of at most ${mostRetries}`]
            : []),
    ];
}

function ofSchedule(schedule: unknown): string[] {
    return [
        ...(at(schedule, "startingDeadlineSeconds") === undefined
            ? ["may begin hours late: write startingDeadlineSeconds"]
            : []),
        ...(isOneOf(at(schedule, "concurrencyPolicy"), "Forbid", "Replace")
            ? []
            : ["may run beside itself: write concurrencyPolicy: Forbid"]),
    ];
}

import { at, calledBy, type Fields, isOwnedBy, listAt, numberAt, textAt } from "../fields";
import { podKind, podProblems } from "./pod";
import { isAbout, type Message, type Readiness, type Situation, uidOf, uninitialized } from "./wait";

/** True when the Job has started and is complete. */
export function isComplete(job: Fields): boolean {
    return textAt(job, "status", "startTime") !== "" && condition(job, "Complete") !== undefined && failure(job) === "";
}

/** Waits for a Job's completion; gives up at once when it is out of retries or past its deadline. */
export function jobReadiness({ live, log }: Situation): Readiness {
    const problems: Message[] = [];
    let job = live;
    const add = (message: Message) => {
        const isKnown = problems.some(({ severity, text }) => severity === message.severity && text === message.text);
        if (!isKnown) problems.push(message);
    };
    const reasons = () => problems.map(({ text }) => text);
    return {
        kinds: [{ apiVersion: "batch/v1", kind: "Job" }, podKind],
        patient: true,
        get live() {
            return job;
        },
        observe(change) {
            if (isAbout(change, live)) {
                for (const step of steps(change.object)) log.status("info", step);
                const failed = failure(change.object);
                if (failed !== "") {
                    add({ severity: "error", text: failed });
                    throw uninitialized(job, reasons());
                }
                job = change.object;
            } else if (change.object.kind === "Pod" && isOwnedBy(change.object, uidOf(live))) {
                for (const problem of podProblems(change.object)) {
                    add(problem);
                    // Every pod is unready while it runs: that is no news.
                    if (!problem.text.includes("containers with unready status"))
                        log.status(problem.severity, problem.text);
                }
            }
        },
        ready: () => isComplete(job),
        reasons,
    };
}

function steps(job: Fields): string[] {
    const called = JSON.stringify(calledBy(job));
    const start = `Waiting for Job ${called} to start`;
    if (textAt(job, "status", "startTime") === "") return [start];
    const count = (name: string) => numberAt(job, "status", name);
    const counts = `Active: ${count("active")} | Succeeded: ${count("succeeded")} | Failed: ${count("failed")}`;
    return [start, `Waiting for Job ${called} to succeed (${counts})`];
}

function failure(job: Fields): string {
    if (textAt(job, "status", "startTime") === "") return "";
    const failed = condition(job, "Failed");
    const reason = textAt(failed, "reason");
    if (reason !== "BackoffLimitExceeded" && reason !== "DeadlineExceeded") return "";
    return `[${reason}] ${textAt(failed, "message")}`;
}

function condition(job: Fields, type: string): Fields | undefined {
    return listAt(at(job, "status") ?? {}, "conditions").find((each) => each.type === type && each.status === "True");
}

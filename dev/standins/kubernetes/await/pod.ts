import { calledBy, type Fields, listAt, numberAt, textAt } from "../fields";
import { isAbout, type Message, type Readiness, type Situation } from "./wait";

export const podKind = { apiVersion: "v1", kind: "Pod" };

/** How far a pod has come. */
export interface PodState {
    ready: boolean;
    /** What is waited for, step by step. */
    steps: string[];
    messages: Message[];
}

/** A pod is ready when it is scheduled and initialised, and either ready or succeeded. */
export function podState(pod: Fields): PodState {
    const called = JSON.stringify(calledBy(pod));
    const state: PodState = { ready: false, steps: [], messages: [] };
    for (const [type, words, isMet] of [
        ["PodScheduled", "scheduled", () => false],
        ["Initialized", "initialized", () => false],
        ["Ready", "ready", () => textAt(pod, "status", "phase") === "Succeeded"],
    ] as const) {
        state.steps.push(`Waiting for Pod ${called} to be ${words}`);
        const condition = listAt(pod, "status", "conditions").find((candidate) => candidate.type === type);
        if (condition?.status === "True" || (condition !== undefined && isMet())) continue;
        if (condition !== undefined) state.messages.push(...conditionMessages(pod, condition));
        return state;
    }
    return { ...state, ready: true };
}

/** Warnings and errors of a pod, without what is only progress. */
export function podProblems(pod: Fields): Message[] {
    return podState(pod).messages.filter(({ severity }) => severity !== "info");
}

/** Waits for a pod that the stack itself declares. */
export function podReadiness({ live, log }: Situation): Readiness {
    let pod = live;
    let state: PodState = { ready: false, steps: [], messages: [] };
    return {
        kinds: [podKind],
        patient: true,
        get live() {
            return pod;
        },
        observe(change) {
            if (!isAbout(change, live)) return;
            pod = change.object;
            state = podState(pod);
            for (const step of state.steps) log.status("info", step);
        },
        ready: () => state.ready,
        reasons: () => state.messages.filter(({ severity }) => severity !== "info").map(({ text }) => text),
    };
}

function conditionMessages(pod: Fields, condition: Fields): Message[] {
    const message = textAt(condition, "message");
    const explained = textAt(condition, "reason") !== "" ? message : "";
    if (condition.type === "PodScheduled") return explained === "" ? [] : [{ severity: "info", text: explained }];
    const containers = listAt(pod, "status", "containerStatuses").flatMap(containerProblems).join("\n");
    if (containers === "" && message === "") return [];
    return [{ severity: "warning", text: `[Pod ${calledBy(pod)}]: ${explained}${containers}` }];
}

function containerProblems(container: Fields): string[] {
    if (container.ready === true) return [];
    return [...waiting(container), ...terminated(container), ...terminatedBefore(container)];
}

function waiting(container: Fields): string[] {
    const reason = textAt(container, "state", "waiting", "reason");
    const isWaiting = listAt({ list: [container.state ?? null] }, "list").some((state) => state.waiting !== undefined);
    if (!isWaiting || reason === "ContainerCreating") return [];
    return [`[${reason}] ${pullMessage(textAt(container, "state", "waiting", "message"))}`];
}

function terminated(container: Fields): string[] {
    const reason = textAt(container, "state", "terminated", "reason");
    const message = textAt(container, "state", "terminated", "message");
    if (reason === "") return [];
    if (message !== "") return [`[${reason}] ${pullMessage(message)}`];
    const code = numberAt(container, "state", "terminated", "exitCode");
    return [`container ${JSON.stringify(textAt(container, "name"))} completed with exit code ${code}`];
}

function terminatedBefore(container: Fields): string[] {
    const finished = textAt(container, "lastState", "terminated", "finishedAt");
    if (finished === "") return [];
    const reason = textAt(container, "lastState", "terminated", "reason");
    const code = numberAt(container, "lastState", "terminated", "exitCode");
    const message = textAt(container, "lastState", "terminated", "message");
    const name = JSON.stringify(textAt(container, "name"));
    const end = `container ${name} terminated at ${finished} (${reason}: exit code ${code})`;
    return message === "" ? [end] : [end, message];
}

/** The part of an image puller's message that tells the user something. */
function pullMessage(message: string): string {
    return message
        .replace(/^rpc error: code = Unknown desc = Error response from daemon: /, "")
        .replace(/: manifest unknown$/, "");
}

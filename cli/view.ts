import { formatAge, formatBytes, plural } from "../agent/report";
import type { Generations } from "../components/generations";
import type { AgentEvent, Progress } from "../contract/event";
import type { Preview } from "../preview/summary";
import { describePreview, type ObjectChanges } from "./preview";
import { Screen, type Terminal } from "./screen";

/** What a running Job says: an event, or a sentence. */
export type JobEvent = AgentEvent | { event: "sentence"; text: string };

/** How an operation ended. */
export interface Result {
    result: "succeeded" | "failed";
    /** What was asked for and is live, or would be after an update; null where nothing can be said. */
    generations: Generations | null;
}

/** Who shows what happens while an operation runs. */
export interface View {
    /** Text that the engine prints for people. */
    engine(text: string, error?: "error"): void;
    /** What the command line itself has to say. */
    say(text: string): void;
    /** What the engine has found, if it is wanted apart from its text for people. */
    diagnostic?(sentence: string, severity: "info" | "warning" | "error"): void;
    /** An object that a preview finds to be removed, if that is wanted apart: `Deployment worker is removed`. */
    removal?(sentence: string): void;
    /** What an update would do, when a preview has got to its end; of production's side it is told in objects alone. */
    preview(preview: Preview | undefined, changes: ObjectChanges): void;
    /** What a running Job says. */
    job(name: string, event: JobEvent): void;
    end(result: Result): void;
}

/** Milliseconds between two lines on a Job's progress, where nothing can be drawn. */
const patience = 10_000;

/** Shows everything to people: on a terminal one line for each running Job, which is drawn again in its place. */
export function textView(
    out: Terminal & { isTTY?: boolean } = process.stdout,
    errors: Terminal = process.stderr,
    now = () => performance.now(),
): View {
    const screen = new Screen(out);
    const running = new Map<string, string>();
    // When a Job's progress was last shown; a phase begins with a line at once.
    const last = new Map<string, number>();
    const print = (name: string, text: string) => screen.print(`    ${name}: ${text}\n`);

    const draw = () => screen.draw([...running].map(([job, words]) => `    ${job}: ${words}`));

    function show(name: string, text: string) {
        if (out.isTTY === true) {
            running.set(name, text);
            draw();
        } else if (now() - (last.get(name) ?? Number.NEGATIVE_INFINITY) >= patience) {
            last.set(name, now());
            print(name, text);
        }
    }

    return {
        engine: (text, error) => screen.print(text, error === undefined ? out : errors),
        say: (text) => screen.print(`${text}\n`),
        preview: (told, changes) => told && screen.print(`${describePreview(told.rows, changes)}\n`),
        job(name, event) {
            switch (event.event) {
                case "begun":
                    last.delete(name);
                    return show(name, `${event.phase} …`);
                case "progress":
                    return show(name, describeProgress(event));
                case "ended":
                    running.delete(name);
                    print(name, `${event.phase}: ${event.seconds} s`);
                    return draw();
                case "sentence":
                    return print(name, event.text);
            }
        },
        end: () => screen.close(),
    };
}

/** Shows everything to programs: one JSON object a line, the last one with the result. People read the other stream. */
export function jsonView(out: Terminal = process.stdout, errors: Terminal = process.stderr): View {
    const started = performance.now();
    const sentences: string[] = [];
    const write = (event: object) => out.write(`${JSON.stringify(event)}\n`);
    const say = (text: string) => {
        sentences.push(text);
        write({ event: "sentence", text });
    };
    return {
        engine: (text) => errors.write(text),
        say,
        diagnostic: say,
        preview: (told, changes) => told && say(describePreview(told.rows, changes)),
        job: (job, event) => write({ job, ...event }),
        end(result) {
            const seconds = Math.round(performance.now() - started) / 1000;
            write({ event: "result", ...result, sentences, seconds });
        },
    };
}

/** How far a phase is, in words. */
export function describeProgress({ phase, percent, done, rate, unit, files, left }: Progress): string {
    const figure = (number: number) => (unit === "byte" ? formatBytes(number) : plural(number, unit));
    const parts = [
        ...(percent === undefined ? [] : [`${percent} %`]),
        figure(done),
        `${figure(rate)}/s`,
        ...(files === undefined ? [] : [plural(files, "file")]),
        ...(left === undefined ? [] : [`${formatAge(left)} left`]),
    ];
    return `${phase}: ${parts.join(", ")}`;
}

/** What the provider command is seen to do, by a program that uses it as hosts do. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type EngineEvent, LocalWorkspace, type OpType } from "@pulumi/pulumi/automation";
import { ensureEngine } from "../../dev/engine";

/** What is known of one step: equal on the real provider and on the stand-in. */
export interface Seen {
    step: string;
    succeeded: boolean;
    /** What became of the resource, and which of its properties had changed. */
    operations: { op: OpType; diffs: string[] }[];
    /** What was printed as an error. */
    errors: string[];
    /** The resource's outputs. */
    outputs: Record<string, unknown>;
    /** What its commands have left in a file. */
    left: string;
}

type Args = command.local.CommandArgs;

/** Steps of one resource's life: what it is to be, or undefined where it goes. */
const steps: [string, "preview" | "up", Args | undefined, string?][] = [
    ["a preview runs nothing", "preview", { create: "echo made | tee -a left", delete: "echo gone >> left" }],
    ["it is made", "up", { create: "echo made | tee -a left", delete: "echo gone >> left" }],
    ["nothing has changed", "up", { create: "echo made | tee -a left", delete: "echo gone >> left" }],
    [
        "another environment runs it again, and it knows what it has printed",
        "up",
        { create: 'echo "$WHAT after $PULUMI_COMMAND_STDOUT" | tee -a left', environment: { WHAT: "made" } },
    ],
    [
        "it is not told where nobody wants it to be",
        "up",
        {
            create: 'echo "$WHAT after $PULUMI_COMMAND_STDOUT" | tee -a left',
            environment: { WHAT: "again" },
            addPreviousOutputInEnv: false,
        },
    ],
    [
        "a command for updates takes the other's place",
        "up",
        { create: "echo made", update: "echo updated | tee -a left" },
    ],
    ["a preview of a change runs nothing", "preview", { create: "echo made", update: "echo other | tee -a left" }],
    ["one that fails says all that it printed", "up", { create: "echo out; echo err >&2; exit 3" }],
    ["one that is killed", "up", { create: "kill -9 $$" }],
    ["what it was before is kept, and it is tried again", "up", { create: "echo well | tee -a left" }],
    ["its input", "up", { create: "cat | tee -a left", stdin: "a line" }],
    ["another interpreter, another folder", "up", { create: "pwd", interpreter: ["/bin/sh", "-e", "-c"], dir: "/" }],
    [
        "a trigger without a command for updates replaces it",
        "up",
        { create: "echo made >> left", delete: "echo gone >> left", triggers: [1] },
    ],
    ["another trigger", "up", { create: "echo made >> left", delete: "echo gone >> left", triggers: [2] }],
    [
        "a secret makes no secret of what is printed",
        "up",
        { create: "echo $WORD", delete: "echo $WORD >> left", environment: pulumi.secret({ WORD: "hidden" }) },
    ],
    ["a removal that fails", "up", undefined],
];

/** Plays the steps on what is installed in a Pulumi home. */
export async function play(home: string, folder: string): Promise<Seen[]> {
    const engine = await ensureEngine();
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, "state"), { recursive: true });
    await writeFile(join(folder, "left"), "");
    // The SDK looks for the CLI there, whatever the workspace's own variables are.
    process.env.PATH = `${dirname(engine.command)}:${process.env.PATH}`;
    let wanted: Args | undefined;
    const program = async () => {
        const provider = new command.Provider("command");
        if (wanted === undefined) {
            return {};
        }
        const made = new command.local.Command(
            "made",
            { dir: folder, logging: command.local.Logging.None, ...wanted },
            { provider },
        );
        return { stdout: made.stdout, stderr: made.stderr };
    };
    const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: "story", projectName: "command-story", program },
        {
            workDir: folder,
            pulumiHome: home,
            envVars: {
                PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
                PULUMI_CONFIG_PASSPHRASE: "story",
                PULUMI_SKIP_UPDATE_CHECK: "true",
            },
        },
    );
    const all: Seen[] = [];
    for (const [step, operation, args] of steps) {
        wanted = args;
        const events: EngineEvent[] = [];
        const options = { onEvent: (event: EngineEvent) => void events.push(event) };
        const succeeded = await stack[operation](options).then(
            () => true,
            () => false,
        );
        const outputs = await stack.outputs();
        all.push({
            step,
            succeeded,
            operations: events.flatMap(operationIn),
            errors: events.flatMap((event) => errorIn(event, folder)),
            outputs: Object.fromEntries(
                Object.entries(outputs).map(([key, { value, secret }]) => [key, secret ? "[secret]" : value]),
            ),
            left: await readFile(join(folder, "left"), "utf8"),
        });
    }
    return all;
}

function operationIn({ resourcePreEvent }: EngineEvent): Seen["operations"] {
    const metadata = resourcePreEvent?.metadata;
    return metadata?.type === "command:local:Command"
        ? [{ op: metadata.op, diffs: (metadata.diffs ?? []).toSorted() }]
        : [];
}

function errorIn({ diagnosticEvent }: EngineEvent, folder: string): string[] {
    return diagnosticEvent?.severity === "error" && diagnosticEvent.urn?.includes("command:local") === true
        ? [diagnosticEvent.message.replaceAll(/<\{%.*?%\}>/g, "").replaceAll(folder, "<folder>")]
        : [];
}

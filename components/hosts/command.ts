import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { commandFor, orderFolder } from "../../hosts/order";
import { heard } from "../../hosts/said";

/** Arguments of a {@link Command}. */
export interface CommandArgs {
    /** `<project>/<stack>`. */
    stack: string;
    /** What is run, see `hosts/main.ts`. */
    words: string[];
    /** What has to be there before it runs. */
    ready: pulumi.Output<unknown>;
    /** What it is run again for when it changes: names and values, shown by a diff. */
    because: Record<string, string>;
    /** What is run when it is removed, in the shell; nothing if left out. */
    remove?: pulumi.Input<string>;
    /** What that has in its environment and on its standard input. */
    secret?: { environment: Record<string, string>; stdin: string };
}

/** A command on the machine that runs Pulumi. What it prints is a secret; its last line alone is told. */
export class Command extends pulumi.ComponentResource {
    /** Its last line, which is one sentence. */
    readonly sentence: pulumi.Output<string>;

    constructor(name: string, args: CommandArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Command", name, {}, options);
        const { because, secret, remove } = args;
        const environment = Object.fromEntries(
            Object.entries(because).map(([key, value]) => [
                `UNDERSTUDY_${key.toUpperCase().replaceAll("-", "_")}`,
                value,
            ]),
        );
        const ran = new command.local.Command(
            name,
            {
                create: pulumi.unsecret(args.ready).apply(() => commandFor(args.stack, ...args.words)),
                ...(remove !== undefined && { delete: remove }),
                environment:
                    secret === undefined ? environment : pulumi.secret({ ...environment, ...secret.environment }),
                ...(secret !== undefined && { stdin: pulumi.secret(secret.stdin) }),
                logging: command.local.Logging.None,
                addPreviousOutputInEnv: false,
            },
            { parent: this, additionalSecretOutputs: ["stdout", "stderr"] },
        );
        this.sentence = pulumi.unsecret(ran.stdout).apply((text) => (text ?? "").split("\n").at(-1) ?? "");
        // The engine shows nothing of it, and of a command that did not run there is nothing to be shown.
        this.sentence.apply(async (text) => {
            const said = heard(orderFolder(args.stack)).some(({ last, line }) => last === true && line === text);
            if (said && !pulumi.runtime.isDryRun()) {
                await pulumi.log.info(text, ran);
            }
        });
        this.registerOutputs();
    }
}

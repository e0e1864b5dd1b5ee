import { CommandError } from "@pulumi/pulumi/automation";

/** Why something failed, in a sentence: of Pulumi's own commands, what they said, without what surrounds it. */
export function reasonOf(error: unknown): string {
    const text = error instanceof Error ? error.message : String(error);
    const said = error instanceof CommandError ? /^ ?(?:stderr: )?error: (.*)$/m.exec(text)?.[1] : undefined;
    return said ?? text;
}

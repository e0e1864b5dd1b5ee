import * as pulumi from "@pulumi/pulumi";

/**
 * A secret text that is made once and kept in the state, encrypted.
 *
 * @param first the text where none is kept yet
 */
export function keptText(name: string, first: pulumi.Output<string>, parent: pulumi.Resource): pulumi.Output<string> {
    // A new random text at every run would be a change at every run: the first one stays.
    const stash = new pulumi.Stash(name, { input: first }, { parent, ignoreChanges: ["input"] });
    // A wipe runs the program too, and where nothing stands there is no stash to answer.
    return pulumi.secret(stash.output.apply((kept: string | undefined) => kept ?? ""));
}

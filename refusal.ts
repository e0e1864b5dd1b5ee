import * as pulumi from "@pulumi/pulumi";

/**
 * Ends the program with a message that a person can act on, and nothing around it. It carries no stack: nobody needs
 * one here, and the language host spends many seconds on colouring it.
 */
export class Refusal extends pulumi.RunError {
    constructor(message: string) {
        super(message);
        this.stack = undefined;
    }
}

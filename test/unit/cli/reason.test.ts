import { CommandError } from "@pulumi/pulumi/automation";
import { expect, it } from "vitest";
import { reasonOf } from "../../../cli/reason";

it("what Pulumi's own commands say is told without what surrounds it", () => {
    const error: Error = Object.create(CommandError.prototype);
    error.message =
        "code: -2\n stdout: \n stderr: Command failed with exit code 1: pulumi config\nerror: invalid YAML file: line 2\n\n";
    expect(reasonOf(error)).toBe("invalid YAML file: line 2");
    expect(reasonOf(new Error("error: of ours"))).toBe("error: of ours");
});

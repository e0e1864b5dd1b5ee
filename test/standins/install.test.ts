import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { installStandins } from "../../dev/standins/index";

let folder: string;
beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "standins-install-"));
    vi.stubEnv("UNDERSTUDY_PROVIDERS", "");
});
afterEach(() => {
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
});

const plugin = () => join(folder, "home", "plugins", "resource-kubernetes-v4.32.0");
const calls = () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n");

/** A CLI that installs folders as Pulumi does, and downloads only if the vendor can be reached. */
function engine(vendor: "reachable" | "away") {
    const command = join(folder, "pulumi");
    writeFileSync(
        command,
        `#!/bin/sh
echo "$*" >> '${folder}/calls'
to="$PULUMI_HOME/plugins/resource-$4-v$5"
mkdir -p "$to"
if [ "$6" = --file ]; then cp "$7"/* "$to"; exit; fi
[ ${vendor} = reachable ] || exit 1
echo real > "$to/pulumi-resource-kubernetes"
`,
    );
    chmodSync(command, 0o755);
    return { command, home: join(folder, "home") };
}

function putReal(): void {
    mkdirSync(plugin(), { recursive: true });
    writeFileSync(join(plugin(), "pulumi-resource-kubernetes"), "real");
}

test("the vendor's plugin wins when it can be had", async () => {
    expect(await installStandins(engine("reachable"))).toEqual([]);
    expect(readFileSync(join(plugin(), "pulumi-resource-kubernetes"), "utf8")).toBe("real\n");
});

test("a plugin that is there is left alone", async () => {
    putReal();
    expect(await installStandins(engine("reachable"))).toEqual([]);
    expect(existsSync(join(folder, "calls"))).toBe(false);
});

test("a stand-in is put where the vendor is away, who is not asked again the same day", async () => {
    expect(await installStandins(engine("away"))).toEqual(["kubernetes"]);
    expect(await installStandins(engine("away"))).toEqual(["kubernetes"]);
    expect(calls()).toEqual([
        "plugin install resource kubernetes 4.32.0",
        expect.stringMatching(/^plugin install resource kubernetes 4.32.0 --file /),
    ]);
});

test("a stand-in gives way when the real plugin is asked for", async () => {
    vi.stubEnv("UNDERSTUDY_PROVIDERS", "standin");
    expect(await installStandins(engine("reachable"))).toEqual(["kubernetes"]);
    vi.stubEnv("UNDERSTUDY_PROVIDERS", "real");
    expect(await installStandins(engine("reachable"))).toEqual([]);
    expect(existsSync(join(plugin(), "stand-in"))).toBe(false);
});

test("a choice that cannot be met is an error", async () => {
    vi.stubEnv("UNDERSTUDY_PROVIDERS", "real");
    await expect(installStandins(engine("away"))).rejects.toThrow("cannot be installed");
    putReal();
    vi.stubEnv("UNDERSTUDY_PROVIDERS", "standin");
    await expect(installStandins(engine("away"))).rejects.toThrow("holds the real plugin");
    vi.stubEnv("UNDERSTUDY_PROVIDERS", "neither");
    await expect(installStandins(engine("away"))).rejects.toThrow('set it to "real" or "standin"');
});

/** The pack as the engine runs it, on stacks of somebody else's. */
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import * as kubernetes from "@pulumi/kubernetes";
import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureEngine } from "../../dev/engine";
import { installStandins } from "../../dev/standins";

const root = join(__dirname, "../..");

let folder: string;
let env: Record<string, string>;
let command: PulumiCommand;
beforeAll(async () => {
    const engine = await ensureEngine();
    await installStandins(engine);
    folder = mkdtempSync(join(tmpdir(), "understudy-pack-"));
    const bin = join(folder, "bin");
    await mkdir(bin);
    symlinkSync(engine.command, join(bin, "pulumi"));
    command = await PulumiCommand.get({ root: folder });
    // What an engine without language hosts begins a pack with: the SDK's own entry, as their host does.
    const entry = join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
    const host = join(bin, "pulumi-analyzer-policy-nodejs");
    writeFileSync(host, `#!/bin/sh\nexec ${process.execPath} ${entry} "$@"\n`);
    chmodSync(host, 0o755);
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(kubeconfig, JSON.stringify(nobody));
    env = {
        PATH: [dirname(engine.command), bin, process.env.PATH].join(delimiter),
        KUBECONFIG: kubeconfig,
        PULUMI_HOME: engine.home,
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "understudy",
        PULUMI_SKIP_UPDATE_CHECK: "true",
    };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A cluster that does not answer: a preview of new objects asks nobody. */
const nobody = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "nobody", cluster: { server: "http://127.0.0.1:9" } }],
    users: [{ name: "nobody", user: {} }],
    contexts: [{ name: "nobody", context: { cluster: "nobody", user: "nobody" } }],
    "current-context": "nobody",
};

/** Previews a stack that makes a closed namespace, and whatever is added; returns what was printed of a refusal. */
async function refusal(add: (options: { provider: kubernetes.Provider }) => void): Promise<string | undefined> {
    const program = async () => {
        const provider = new kubernetes.Provider("cluster", { context: "nobody" });
        const options = { provider };
        new kubernetes.core.v1.Namespace("shop", { metadata: { name: "shop" } }, options);
        new kubernetes.networking.v1.NetworkPolicy(
            "default-deny",
            {
                metadata: { name: "default-deny", namespace: "shop" },
                spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
            },
            options,
        );
        add(options);
    };
    const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: "theirs", projectName: "shop", program },
        { workDir: folder, envVars: env, pulumiCommand: command },
    );
    return stack.preview({ policyPacks: [join(root, "policy")] }).then(
        () => undefined,
        (error: Error) => error.message,
    );
}

describe("the policy pack", () => {
    it("lets a preview pass that keeps to it", async () => {
        expect(await refusal(() => {})).toBeUndefined();
    });

    it("refuses a resource, with what to write instead", async () => {
        const message = await refusal((options) => {
            const metadata = { name: "texts", namespace: "shop" };
            new kubernetes.core.v1.ConfigMap("texts", { metadata, data: { password: "planted" } }, options);
        });
        expect(message).toMatch(/exit code [1-9]/);
        expect(message).toContain("secrets-unseen");
        expect(message).toContain("ConfigMap texts: password holds a secret: put it into a Secret.");
    });

    it("refuses a stack for what its resources are together", async () => {
        const message = await refusal((options) => {
            new kubernetes.core.v1.Namespace("open", { metadata: { name: "open" } }, options);
        });
        expect(message).toMatch(/exit code [1-9]/);
        expect(message).toContain("Namespace open is open: make a NetworkPolicy in it");
    });
});

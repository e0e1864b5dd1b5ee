import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, forgetWorkspace, openWorkspace, understudy, type Workspace } from "../../dev/workspace";

const marker = "<!-- understudy preview demo -->";

/** A stack file without anything that is encrypted; `more` is added. */
const stackFile = (more = "", variable = "GREETING") => `config:
  understudy:source:
    database: { hostPath: /srv/backups }
    media: { hostPath: /srv/media }
  understudy:target: { context: nowhere, namespace: replica }
  understudy:image: shop
  understudy:imageTag: "1.0"
  understudy:database: { name: shop, owner: shop, volume: 2Gi }
  understudy:media: { volume: 2Gi }
  understudy:application: { mediaPath: /srv, environment: { ${variable}: planted-variable } }
${more}`;

describe("the comment on a pull request", () => {
    const name = "comments";
    let root: string;
    let workspace: Workspace;
    const files: [stack: string, text: string][] = [
        ["demo", stackFile()],
        ["wrong", stackFile("  understudy:nonsense: 1\n")],
        ["plain", stackFile("", "TOKEN")],
    ];

    beforeAll(async () => {
        root = await mkdtemp(join(tmpdir(), "understudy-comments-"));
        const kubeconfig = join(root, "kubeconfig");
        await writeFile(kubeconfig, "");
        workspace = await openWorkspace(name, { kubeconfig }, Object.fromEntries(files));
    });
    afterAll(async () => {
        await forgetWorkspace(name);
        await rm(root, { recursive: true, force: true });
    });

    /** As on a runner: with what a fork gets, or with the state and no cluster. */
    const comment = (stack: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
        understudy({ ...workspace, env: { ...workspace.env, ...env } }, ["preview", stack, "--format", "markdown"]);
    const asFork = { PULUMI_BACKEND_URL: "", PULUMI_CONFIG_PASSPHRASE: "", PULUMI_ACCESS_TOKEN: "" };

    it("from a fork, which gets no secret, tells what the stack file does, and what is not known", async () => {
        const { status, output } = await comment("demo", asFork);
        expect(status, output).toBe(0);
        expect(output).toContain(marker);
        expect(output).toMatch(/^\*\*What would change is not known\*\* from here: demo could not be looked at/m);
        expect(output).toContain("the database comes from production's newest backup");
        expect(output).toMatch(
            /^- Pulumi's state could not be opened \(.+\): neither what stands, nor production's tag and backups, nor the objects .* known\.$/m,
        );
        expect(output).toMatch(/^\| a wipe \| would keep 1 volume: media \|$/m);
        expect(output).not.toContain("planted");
    });

    it("from a fork on a stack file with mistakes is refused, with each of them", async () => {
        const wrong = await comment("wrong", asFork);
        expect(wrong.status).toBe(1);
        expect(wrong.output).toMatch(
            /\*\*Refused\*\*: nothing of wrong would be changed, because\n\n- Pulumi\.wrong\.yaml has 1 problem:\n {2}- understudy:nonsense/,
        );
    });

    it.each([
        ["from a fork", asFork],
        ["with the state", {}],
    ])("%s is refused what the policy does not let pass, without showing it", async (_, env) => {
        const { status, output } = await comment("plain", env);
        expect(status, output).toBe(1);
        expect(output).toContain(
            "- The policy secrets-unseen is violated: Deployment application: container application has a secret in its variable TOKEN: put it into a Secret, and write valueFrom.secretKeyRef. Nothing was changed.",
        );
        expect(output).not.toContain("planted");
    });

    it("with the state and no cluster tells as much, and what Pulumi could not do", async () => {
        const { status, output } = await comment("demo");
        expect(status, output).toBe(0);
        expect(output).toMatch(/^\*\*What would change is not known\*\* from here: demo could not be looked at/m);
        expect(output).toMatch(/^- .+The target namespace was not checked; an update will refuse to go on\.$/m);
        expect(output).toMatch(/^\| objects \| \d+ made \|$/m);
        expect(output).not.toContain("Failed to parse engine event");
        expect(output).not.toContain("planted");
    });
});

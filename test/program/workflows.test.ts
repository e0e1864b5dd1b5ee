import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import yaml from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readArguments } from "../../cli/arguments";
import { ensureActionlint } from "../../dev/actionlint";

const root = join(__dirname, "../..");
const github = join(root, ".github");
const workflows = readdirSync(join(github, "workflows"));
const textOf = (path: string) => readFileSync(join(github, path), "utf8");
const texts = [...workflows.map((name) => `workflows/${name}`), "actions/set-up/action.yml"].map(textOf);

interface Step {
    name?: string;
    run?: string;
    uses?: string;
}

/** What a named step runs; of a workflow's job, or of the action that sets everything up. */
function stepOf(path: string, name: string): string {
    type Steps = { steps: Step[] };
    const read = yaml.load(textOf(path)) as { jobs?: Record<string, Steps>; runs?: Steps };
    const steps = [...Object.values(read.jobs ?? {}), ...(read.runs ? [read.runs] : [])].flatMap((job) => job.steps);
    return steps.find((step) => step.name === name)?.run ?? "";
}

let folder: string;
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "understudy-workflows-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a step as a runner does. */
function runStep(script: string, cwd: string, env: Record<string, string> = {}) {
    const output = join(folder, "output");
    writeFileSync(output, "");
    const all = { PATH: process.env.PATH, HOME: folder, GITHUB_OUTPUT: output, GITHUB_ENV: output, ...env };
    const args = ["--noprofile", "--norc", "-eo", "pipefail", "-c", script];
    const { status, stderr } = spawnSync("bash", args, { cwd, env: all, encoding: "utf8" });
    return { status, stderr, output: readFileSync(output, "utf8") };
}

const git = (cwd: string, ...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...args], { cwd, encoding: "utf8" });

/** A repository with these files, and this project's own scripts. */
function repository(name: string, files: Record<string, string>): string {
    const path = join(folder, name);
    mkdirSync(join(path, ".github"), { recursive: true });
    git(path, "init", "--quiet", "--initial-branch", "main");
    for (const script of ["stacks-touched.sh", "keep-stack-file.sh"]) {
        writeFileSync(join(path, ".github", script), textOf(script));
    }
    write(path, files);
    return path;
}

function write(path: string, files: Record<string, string | null>): void {
    for (const [file, text] of Object.entries(files)) {
        text === null ? rmSync(join(path, file)) : writeFileSync(join(path, file), text);
    }
    git(path, "add", "--all");
    git(path, "commit", "--quiet", "--message", "a change");
}

describe("the workflows", () => {
    it("are well-formed, says actionlint, which finds what is wrong in another", async () => {
        const actionlint = await ensureActionlint();
        const check = (...files: string[]) =>
            spawnSync(actionlint, ["-shellcheck=", "-pyflakes=", ...files], { cwd: root, encoding: "utf8" });
        const { status, stdout } = check(...workflows.map((name) => join(github, "workflows", name)));
        expect(stdout).toBe("");
        expect(status).toBe(0);
        const broken = join(folder, "broken.yml");
        writeFileSync(broken, textOf("workflows/preview.yml").replace("needs: stacks", "needs: absent"));
        expect(check(broken).stdout).toContain("absent");
    });

    it("take actions of others by their commits alone, and say of which release these are", () => {
        const used = texts.flatMap((text) => [...text.matchAll(/uses: (.*)/g)].map(([, what = ""]) => what));
        const others = used.filter((what) => !what.startsWith("./"));
        expect(others.length).toBeGreaterThan(7);
        for (const what of others) {
            expect(what).toMatch(/^(actions|pulumi)\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
        }
    });

    it("may only read, except the comment's and what keeps a stack file", () => {
        const permissions = (name: string) =>
            [...textOf(`workflows/${name}`).matchAll(/^ *([a-z-]+): (read|write)$/gm)].map(
                ([, what, how]) => `${what} ${how}`,
            );
        expect(permissions("preview.yml")).toEqual(["contents read", "contents read", "pull-requests write"]);
        expect(permissions("up.yml")).toEqual(["contents read"]);
        for (const name of ["refresh.yml", "ttl.yml"]) {
            expect(permissions(name)).toEqual(["contents read", "contents write"]);
        }
    });

    it("hand names and secrets over in the environment, never in a command's text", () => {
        for (const text of texts) {
            const read = yaml.load(text) as { jobs?: Record<string, { steps: Step[] }>; runs?: { steps: Step[] } };
            for (const { run = "" } of [...Object.values(read.jobs ?? {}), read.runs].flatMap(
                (job) => job?.steps ?? [],
            )) {
                expect(run).not.toContain("${{");
            }
        }
    });

    it("run the command line as it is", () => {
        const files = [
            ...texts,
            ...["operator/refresh.yaml", "systemd/understudy-refresh@.service"].map((path) =>
                readFileSync(join(root, "examples/nightly", path), "utf8"),
            ),
        ];
        const lines = files.flatMap((text) =>
            [...text.matchAll(/understudy\.mjs (.*)/g)].map(([, args = ""]) => args.replace(/ \|$/, "").split(" ")),
        );
        expect(lines.map(([command]) => command).sort()).toEqual([
            "preview",
            "refresh",
            "refresh",
            "refresh",
            "ttl",
            "up",
        ]);
        for (const line of lines) {
            expect(() => readArguments(line)).not.toThrow();
        }
    });
});

describe("the stacks that a pull request touches", () => {
    const list = (path: string) =>
        runStep(stepOf("workflows/preview.yml", "Find the stack files that are touched"), path);

    it("are those whose files differ from the branch that it is for, as the merge of both has them", () => {
        const path = repository("touched", { "Pulumi.a.yaml": "1", "Pulumi.gone.yaml": "1", "Pulumi.yaml": "1" });
        git(path, "checkout", "--quiet", "-b", "change");
        write(path, { "Pulumi.dev-alan.yaml": "2", "Pulumi.gone.yaml": null, "Pulumi.yaml": "2", README: "2" });
        write(path, { "Pulumi.b.yaml": "2", "Pulumi.$(touch evil).yaml": "2", 'Pulumi."c.yaml': "2" });
        git(path, "checkout", "--quiet", "main");
        write(path, { "Pulumi.a.yaml": "of somebody else" });
        git(path, "merge", "--quiet", "--no-ff", "--no-edit", "change");
        expect(list(path)).toMatchObject({ status: 0, output: 'stacks=["b","dev-alan"]\n' });
    });

    it("are none where no stack file is touched, and the step fails where nobody can tell", () => {
        const path = repository("untouched", { "Pulumi.a.yaml": "1" });
        expect(list(path).status).not.toBe(0);
        write(path, { README: "2" });
        expect(list(path)).toMatchObject({ status: 0, output: "stacks=[]\n" });
    });

    it("of a merge are all that came with the push", () => {
        const path = repository("pushed", { "Pulumi.a.yaml": "1" });
        const before = git(path, "rev-parse", "HEAD").trim();
        write(path, { "Pulumi.a.yaml": "2" });
        write(path, { "Pulumi.b.yaml": "2" });
        const step = stepOf("workflows/up.yml", "Find the stack files that are touched");
        expect(runStep(step, path, { BEFORE: before })).toMatchObject({ status: 0, output: 'stacks=["a","b"]\n' });
    });
});

describe("what a refresh wrote into a stack file", () => {
    const keep = (path: string, stack: string) =>
        runStep(stepOf("workflows/refresh.yml", "Keep in the stack file what is loaded"), path, { STACK: stack });

    it("is pushed, also when another stack's was pushed meanwhile; and nothing where nothing was written", () => {
        const first = repository("kept", { "Pulumi.a.yaml": "1", "Pulumi.b.yaml": "1", README: "1" });
        const [remote, second] = [join(folder, "remote.git"), join(folder, "second")];
        git(folder, "clone", "--quiet", "--bare", first, remote);
        git(first, "remote", "add", "origin", remote);
        git(first, "fetch", "--quiet");
        git(first, "branch", "--quiet", "--set-upstream-to", "origin/main");
        git(folder, "clone", "--quiet", remote, second);
        writeFileSync(join(first, "Pulumi.a.yaml"), "2");
        writeFileSync(join(second, "Pulumi.b.yaml"), "2");
        writeFileSync(join(second, "README"), "of the run alone");
        expect(keep(first, "a").status).toBe(0);
        expect(keep(second, "b")).toMatchObject({ status: 0 });
        expect(git(remote, "log", "--format=%s", "main").trim().split("\n")).toEqual([
            "Refresh of b",
            "Refresh of a",
            "a change",
        ]);
        expect(git(remote, "show", "--format=", "--name-only", "main").trim()).toBe("Pulumi.b.yaml");
        expect(keep(second, "b").status).toBe(0);
        expect(git(remote, "rev-list", "--count", "main").trim()).toBe("3");
    });

    it("is called what it is where a replica was suspended", () => {
        const path = repository("suspended", { "Pulumi.a.yaml": "1" });
        const remote = join(folder, "suspended.git");
        git(folder, "clone", "--quiet", "--bare", path, remote);
        git(path, "remote", "add", "origin", remote);
        git(path, "fetch", "--quiet");
        git(path, "branch", "--quiet", "--set-upstream-to", "origin/main");
        writeFileSync(join(path, "Pulumi.a.yaml"), "2");
        const step = stepOf("workflows/ttl.yml", "Keep in the stack file that it is suspended");
        expect(runStep(step, path, { STACK: "a" }).status).toBe(0);
        expect(git(remote, "log", "-1", "--format=%s", "main").trim()).toBe("Suspension of a");
    });

    it("fails the run when it cannot be pushed, with what to do", () => {
        const path = repository("unpushed", { "Pulumi.a.yaml": "1" });
        writeFileSync(join(path, "Pulumi.a.yaml"), "2");
        const { status, stderr } = keep(path, "a");
        expect(status).not.toBe(0);
        expect(stderr).toMatch(/Pulumi\.a\.yaml was changed, but could not be pushed: let this workflow push/);
    });
});

describe("a preview's step", () => {
    const step = stepOf("workflows/preview.yml", "Preview");

    it.each([0, 1])("has the comment and the run's summary, and ends as the preview does: %i", (wanted) => {
        const path = join(folder, `preview-${wanted}`);
        mkdirSync(join(path, "cli"), { recursive: true });
        const program = `console.log(process.argv.slice(2).join(" ")); console.error("Pulumi's"); process.exitCode = ${wanted};`;
        writeFileSync(join(path, "cli/understudy.mjs"), program);
        const summary = join(path, "summary");
        const env = { STACK: "dev-alan", RUNNER_TEMP: path, GITHUB_STEP_SUMMARY: summary };
        expect(runStep(step, path, env).status).toBe(wanted);
        const text = "preview dev-alan --format markdown\n";
        expect(readFileSync(join(path, "comment.md"), "utf8")).toBe(text);
        expect(readFileSync(summary, "utf8")).toBe(text);
    });
});

describe("the kubeconfig", () => {
    const step = stepOf("actions/set-up/action.yml", "Write the kubeconfig");

    it("is a file that nobody else reads, and none at all where there is no secret", () => {
        expect(runStep(step, folder, { CONTENT: "", RUNNER_TEMP: folder })).toMatchObject({ status: 0, output: "" });
        const { status, output } = runStep(step, folder, { CONTENT: "a: 100%\n", RUNNER_TEMP: folder });
        const file = join(folder, "kubeconfig");
        expect([status, output]).toEqual([0, `KUBECONFIG=${file}\n`]);
        expect(readFileSync(file, "utf8")).toBe("a: 100%\n");
        expect(statSync(file).mode & 0o777).toBe(0o600);
    });
});

describe("the comment", () => {
    const put = require("../../.github/comment.cjs") as (client: object, file: string) => Promise<void>;

    /** The calls that putting a comment makes, on a pull request that has these. */
    async function calls(comments: { id: number; type: string; body: string }[]): Promise<unknown[]> {
        const file = join(folder, "comment.md");
        writeFileSync(file, "<!-- understudy preview a -->\n\nnew\n");
        const made: unknown[] = [];
        const record = (name: string) => async (args: object) => made.push([name, args]);
        const issues = { listComments: "list", createComment: record("create"), updateComment: record("update") };
        const paginate = async () => comments.map(({ type, ...comment }) => ({ ...comment, user: { type } }));
        const context = { repo: { owner: "team", repo: "replicas" }, issue: { number: 7 } };
        await put({ github: { paginate, rest: { issues } }, context }, file);
        return made;
    }
    const where = { owner: "team", repo: "replicas" };
    const body = "<!-- understudy preview a -->\n\nnew\n";

    it("is made once for each stack, and edited afterwards", async () => {
        const other = { id: 1, type: "Bot", body: "<!-- understudy preview ab -->\n\nof another stack" };
        const quoted = { id: 2, type: "User", body };
        expect(await calls([other, quoted])).toEqual([["create", { ...where, issue_number: 7, body }]]);
        const own = { id: 3, type: "Bot", body: "<!-- understudy preview a -->\n\nold" };
        expect(await calls([other, quoted, own])).toEqual([["update", { ...where, comment_id: 3, body }]]);
    });
});

const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;

describe("the units of systemd", () => {
    const units = join(root, "examples/nightly/systemd");
    const verify = (change: (text: string) => string) => {
        const path = mkdtempSync(join(folder, "units-"));
        for (const kind of ["service", "timer"]) {
            const text = readFileSync(join(units, `understudy-refresh@.${kind}`), "utf8");
            // Node is wherever it is on this machine.
            writeFileSync(
                join(path, `understudy-refresh@.${kind}`),
                change(text.replace("/usr/bin/node", process.execPath)),
            );
        }
        const files = ["service", "timer"].map((kind) => join(path, `understudy-refresh@staging.${kind}`));
        return spawnSync("systemd-analyze", ["verify", "--man=no", ...files], { encoding: "utf8" });
    };

    it.skipIf(!analyze)("are well-formed, says systemd-analyze, which finds what is wrong in others", () => {
        const { status, stderr } = verify((text) => text);
        expect(stderr).toBe("");
        expect(status).toBe(0);
        expect(verify((text) => text.replace("OnCalendar=*-*-* 03:30:00", "OnCalendar=nightly")).stderr).toContain(
            "nightly",
        );
        expect(verify((text) => text.replace("KillSignal=SIGINT", "KillSignl=SIGINT")).stderr).toContain("KillSignl");
    });
});

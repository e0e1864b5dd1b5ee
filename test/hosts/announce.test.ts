import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HostStage, openHostStage } from "./stage";

let stage: HostStage;
let mail: string;
const settings = (command = `cat > ${mail}`) => ({
    services: [],
    "target.page": undefined,
    announce: { notice: "1h", owner: "the staging team" },
    notices: { command: { host: "application", command }, on: ["announced"] },
});
beforeAll(async () => {
    stage = await openHostStage("announced");
    mail = join(stage.machines.application.folder, "mail");
});
afterAll(() => stage?.stop());

const succeeded = async (...args: Parameters<HostStage["run"]>) => {
    const { status, output } = await stage.run(...args);
    expect(status, output).toBe(0);
    return output;
};
const refused = async (...args: Parameters<HostStage["run"]>) => {
    const before = await stage.replica.content();
    const { status, output } = await stage.run(...args);
    expect(status, output).not.toBe(0);
    expect(await stage.replica.content()).toBe(before);
    return output;
};
const stackFile = () => readFileSync(join(stage.folder, "project", "Pulumi.announced.yaml"), "utf8");

test("step 1: there is nothing to announce before the first copy", async () => {
    expect(await refused("announce", settings())).toContain(
        "Host target holds no copy of understudy/announced whose end could be announced",
    );
});

test("step 2: which needs no announcement", async () => {
    expect(await succeeded("up")).toContain("is live");
});

test("step 3: another copy is refused until people were told, before its stack file is written to (S1-07)", async () => {
    const before = stackFile();
    expect(await refused("refresh")).toMatch(/run understudy announce announced, with --reason TEXT/);
    expect(stackFile()).toBe(before);
    expect(await refused("up", { ...settings(), "database.refresh": "2" })).toMatch(
        /announce\.notice wants them to be told/,
    );
    await succeeded("up", settings());
});

test("step 4: an announcement is written down on the target's host, and given to the command", async () => {
    const said = await succeeded("announce", undefined, "--reason", "the demo on Friday");
    const sentence =
        /The refresh of understudy\/announced is announced by the staging team: the demo on Friday; from \S+Z on, until \S+Z\.\n/;
    expect(said).toMatch(sentence);
    expect(readFileSync(mail, "utf8")).toMatch(sentence);
    expect(existsSync(join(stage.machines.target.folder, "var/understudy-announced/announced.json"))).toBe(true);
    expect(await succeeded("status")).toMatch(/announced +by the staging team: the demo on Friday; from/);
    expect(await succeeded("preview")).toMatch(/announced +by the staging team/);
});

test("step 5: the refresh is refused until the notice has passed", async () => {
    expect(await refused("refresh")).toMatch(
        /The refresh is announced \(by the staging team: .*\): run it from then on/,
    );
});

test("step 6: when it has passed the refresh goes", async () => {
    await succeeded("announce", undefined, "--reason", "it cannot wait", "--in", "1s");
    expect(await succeeded("refresh")).toContain("is live");
});

test("step 7: and the announcement with it: the next one is refused again", async () => {
    expect(await succeeded("status")).not.toContain("announced ");
    expect(await refused("refresh")).toContain("run understudy announce announced");
});

test("step 8: a command that fails is told of, and the announcement stands", async () => {
    rmSync(mail);
    const said = await succeeded("announce", settings("exit 7"), "--reason", "the demo");
    expect(said).toMatch(/notices\.command was not told \(.*status 7.*\): tell people in another way/);
    expect(await refused("refresh")).toContain("The refresh is announced (by the staging team: the demo");
});

import { setTimeout as sleep } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../cli/status";
import { digestProduction } from "../../demo/digest";
import { production, takeBackup } from "../../demo/production";
import { openStage, type Stage } from "./stage";

/** The command line in one replica's life, step by step. */
describe("the command line", () => {
    let stage: Stage;
    const facts: Record<string, string> = {};
    const well = async (...args: string[]) => {
        const { status, output } = await stage.command(...args);
        expect(status, output).toBe(0);
        return output;
    };
    const live = () =>
        stage.sql(
            stage.namespace,
            "postgres",
            "select id, report->>'stamp' from understudy.generation where state = 'live'",
        );
    const lastLine = (output: string) => JSON.parse(output.trim().split("\n").at(-1) ?? "");

    const status = async () => {
        const { database, base } = lastLine(await well("status", "scenario", "--json")) as Status;
        return { backup: database?.backup ?? "", base };
    };

    beforeAll(async () => {
        stage = await openStage();
        const copy = `for the command line, ${new Date().toISOString()}`;
        const { status, output } = await stage.up({
            "database.refresh": copy,
            "media.refresh": copy,
            "database.keepBase": true,
        });
        expect(status, output).toBe(0);
        await stage.stackFile(`# Whose this is.\n${await stage.stackFile()}`);
        facts.first = await live();
    });

    it("1. lists the backups, and marks the one that is loaded", async () => {
        const [, stamp = ""] = facts.first?.split("|") ?? [];
        expect(await well("backups", "scenario")).toMatch(new RegExp(`^${stamp} .* old  loaded$`, "m"));
        const listed = lastLine(await well("backups", "scenario", "--json")) as { stamp: string }[];
        expect(listed.map((one) => one.stamp)).toContain(stamp);
    });

    it("2. tells how the replica is, and that there is a newer backup", async () => {
        facts.stamp = await takeBackup(stage.cluster);
        const [generation] = facts.first?.split("|") ?? [];
        expect(lastLine(await well("status", "scenario", "--json"))).toMatchObject({
            imageTag: "1.0",
            productionTag: "1.0",
            database: { generation },
            newer: facts.stamp,
            leftovers: [],
            problems: [],
        });
        expect(await well("status", "--all")).toMatch(
            /^scenario +replica +\S+ +\d{4}-\S+Z, .+ old; live since \d{4}-/m,
        );
        expect(await well("status", "scenario")).toMatch(
            new RegExp(`^newer +backup ${facts.stamp}: understudy refresh`, "m"),
        );
        const comment = await well("preview", "scenario", "--format", "markdown");
        expect(comment).toMatch(
            /^\*\*Keeps the database and the media\*\* of scenario as it is\. In use is the backup of /m,
        );
    });

    it("3. refreshes the database alone, and writes the stamp into the stack file (S0-08, S3-15)", async () => {
        const before = await stage.digest();
        const file = await stage.stackFile();
        const output = await well("refresh", "scenario", "--database-only", "--if-newer");
        expect(output).toMatch(/prepare-database: /);
        expect(await live()).toContain(facts.stamp);
        expect((await stage.digest()).media).toBe(before.media);
        expect(await stage.stackFile()).toBe(file.replace(/backup: .*/, `backup: "${facts.stamp}"`));
        const quiet = await well("refresh", "scenario", "--if-newer");
        expect(quiet).toMatch(
            new RegExp(`^Nothing is newer than what is loaded: backup ${facts.stamp} \\(.* old\\)\\.\n$`),
        );
        expect(await stage.stackFile()).toBe(file.replace(/backup: .*/, `backup: "${facts.stamp}"`));
    });

    it("4. goes back to the former copy, without another restore", async () => {
        const output = await well("rollback", "scenario");
        expect(output).toMatch(/already there/);
        expect(await live()).toBe(facts.first);
    });

    it("5. deploys a candidate on the data that is there, and refuses to refresh under it (S0-06, S0-07)", async () => {
        const before = await stage.digest();
        await well("deploy", "scenario", production.candidate);
        const [pod] = await stage.pods("app.kubernetes.io/name=application");
        expect(pod?.spec?.containers[0]?.image).toMatch(/:1\.1-rc1$/);
        const { rows, media } = await stage.digest();
        expect({ rows, media }).toEqual({ rows: before.rows, media: before.media });

        const file = await stage.stackFile();
        const refused = await stage.command("refresh", "scenario", "--media-only");
        expect(refused.status, refused.output).toBe(1);
        expect(refused.output).toMatch(/under tag 1\.1-rc1, but production runs 1\.0/);
        expect((await stage.digest()).media).toBe(before.media);
        expect(await stage.stackFile()).toBe(file);

        const reason = "  understudy:allowTagMismatch: the candidate's importer is tried\n";
        await stage.stackFile(file.replace("config:\n", `config:\n${reason}`));
        expect(await well("refresh", "scenario", "--media-only")).toMatch(
            /production runs 1\.0\. Allowed: the candidate's importer is tried/,
        );
        await stage.stackFile((await stage.stackFile()).replace(reason, ""));
    });

    it("6. has nothing left of a candidate's migration after the next refresh", async () => {
        const migration = "set role catalogue_owner; create table of_the_candidate (a integer)";
        await stage.sql(stage.namespace, "catalogue", migration);
        await takeBackup(stage.cluster);
        await well("deploy", "scenario", "1.0");
        await well("refresh", "scenario", "--database-only");
        await stage.sql(stage.namespace, "catalogue", migration);
    });

    it("7. makes another copy of the very backup that is loaded, out of its base", async () => {
        const { backup, base } = await status();
        expect(base).toMatchObject({ backup });
        const output = await well("refresh", "scenario", "--database-only", "--to", backup);
        expect(output).toMatch(/is cloned from the base of its backup and proven/);
        expect(await status()).toMatchObject({ backup, base });
        const table = "select to_regclass('of_the_candidate') is null";
        expect(await stage.sql(stage.namespace, "catalogue", table)).toBe("t");
    });

    it("8. lets one at a time work on a replica, names who is at it, and copies no file twice (S0-12)", async () => {
        const first = stage.command("refresh", "scenario", "--media-only");
        const begun = async () => (await stage.pods("app.kubernetes.io/name=prepare-media")).some(isUnfinished);
        while (!(await begun())) {
            await sleep(100);
        }
        const second = await stage.command("up", "scenario");
        expect(second.status, second.output).not.toBe(0);
        expect(second.output).toMatch(/currently locked by 1 lock.*\n?.*created by /s);
        const { status, output } = await first;
        expect(status, output).toBe(0);
        // Nothing has changed in production meanwhile: every file is shared with the former copy.
        expect(output).toMatch(/: (\S+) files, .* \1 of them unchanged and shared/);
    });

    it("9. refuses a stamp that is of no backup, and leaves the stack file alone", async () => {
        const file = await stage.stackFile();
        const refused = await stage.command("refresh", "scenario", "--to", "2020-01-01T00:00:00Z");
        expect(refused.status).toBe(1);
        expect(refused.output).toMatch(/no backup with stamp 2020-01-01T00:00:00Z: the newest are 2/);
        expect(await stage.stackFile()).toBe(file);
    });

    it("10. ends its Job on Ctrl-C, leaves the copy that is live, and goes on from there", async () => {
        const before = await stage.digest();
        const stopped = await stage.interrupted(/prepare-media: /, "refresh", "scenario", "--media-only");
        expect(stopped.status, stopped.output).not.toBe(0);
        expect(stopped.output).toMatch(/the running Jobs were ended, and the copy that is live stays live/);
        expect(await stage.digest()).toEqual(before);
        const pods = await stage.pods("app.kubernetes.io/name=prepare-media");
        expect(
            pods.filter(({ metadata, status }) => status?.phase === "Running" && !metadata?.deletionTimestamp),
        ).toEqual([]);
        await well("up", "scenario");
        expect(lastLine(await well("status", "scenario", "--json"))).toMatchObject({ leftovers: [] });
    });

    it("11. shows what a wipe removes, and does not go on without a yes", async () => {
        const before = await stage.digest();
        const asked = await stage.command("wipe", "scenario");
        expect(asked.status).toBe(1);
        expect(asked.output).toMatch(/stays: the media volume.*\n.*--yes/);
        expect(await stage.digest()).toEqual(before);
    });

    it("12. wipes as the flags say, whatever the stack file says, and says that nothing stands any more", async () => {
        const source = await digestProduction(stage.cluster);
        await well("wipe", "scenario", "--yes", "--remove-media-volume");
        await expect(stage.core.readNamespace({ name: stage.namespace })).rejects.toMatchObject({ code: 404 });
        const { status, output } = await stage.command("status", "scenario");
        expect(status).toBe(1);
        expect(output).toMatch(/does not stand: run understudy up scenario first/);
        expect(await digestProduction(stage.cluster)).toEqual(source);
    });
});

function isUnfinished({ status }: V1Pod): boolean {
    return ["Pending", "Running"].includes(status?.phase ?? "");
}

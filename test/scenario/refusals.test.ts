import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestProduction } from "../../demo/digest";
import { production } from "../../demo/production";
import { run } from "../../dev/command";
import { tenMistakes } from "../mistakes";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

/** Bad input ends an update with one sentence, and what people use stays as it is. */
describe("an update is refused, and nothing that is in use changes (S0-14, S0-16), when", () => {
    let stage: Stage;
    let refresh = 100;
    let before: { target: Awaited<ReturnType<Stage["digest"]>>; source: Awaited<ReturnType<typeof digestProduction>> };

    beforeAll(async () => {
        stage = await openStage();
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
        before = { target: await stage.digest(), source: await digestProduction(stage.cluster) };
    });

    afterAll(async () => {
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
        expect(await digestProduction(stage.cluster)).toEqual(before.source);
    });

    /** Does something while a folder of production's stores is changed; afterwards it is as it was, times included. */
    async function during(folder: string, change: () => Promise<() => Promise<void>>, work: () => Promise<void>) {
        // Node keeps times to the microsecond, and the digest sees nanoseconds: touch copies them whole.
        const times = await mkdtemp(path.join(os.tmpdir(), "understudy-times-"));
        await run("touch", ["-r", folder, times]);
        const undo = await change();
        try {
            await work();
        } finally {
            await undo();
            await run("touch", ["-r", times, folder]);
            await rm(times, { recursive: true });
        }
    }

    /** An update while the newest backup in the store is this one. */
    function refusedBackup(content: Buffer, sentence: RegExp): Promise<void> {
        const hourly = path.join(lane.stores, "database", "hourly");
        const stamp = new Date().toISOString().replace(/\.\d+/, "");
        const file = path.join(hourly, `backup-${stamp}-catalogue.sql.gz`);
        const change = async () => {
            await writeFile(file, content);
            return () => rm(file);
        };
        return during(hourly, change, () => refused({}, sentence));
    }

    /** An update while a store is an empty folder, as a mount that is missing leaves it. */
    function refusedEmpty(store: string, changes: Record<string, unknown>, sentence: RegExp): Promise<void> {
        const away = `${store}.away`;
        const move = async (from: string, to: string) => {
            for (const name of await readdir(from)) {
                await rename(path.join(from, name), path.join(to, name));
            }
        };
        const change = async () => {
            await mkdir(away);
            await move(store, away);
            return async () => {
                await move(away, store);
                await rm(away, { recursive: true });
            };
        };
        return during(store, change, () => refused(changes, sentence));
    }

    async function realBackup(): Promise<Buffer> {
        const hourly = path.join(lane.stores, "database", "hourly");
        const [name] = (await readdir(hourly)).filter((file) => file.endsWith("-catalogue.sql.gz"));
        return readFile(path.join(hourly, name ?? ""));
    }

    async function refused(changes: Record<string, unknown>, sentence: RegExp): Promise<void> {
        const { status, output } = await stage.up({ "database.refresh": String(refresh++), ...changes });
        expect(status, output).not.toBe(0);
        expect(output).toMatch(sentence);
        expect(await stage.digest()).toEqual(before.target);
    }

    it("the stamp is of no backup", () =>
        refused({ "database.backup": "2020-01-01T00:00:00Z" }, /no backup .*2020-01-01T00:00:00Z/i));

    it("the store is empty", () => refusedEmpty(path.join(lane.stores, "database"), {}, /hourly/));

    it("the backup is truncated", async () => {
        const whole = await realBackup();
        await refusedBackup(whole.subarray(0, Math.floor(whole.length * 0.65)), /truncated/);
    });

    it("the backup is no dump", async () => {
        await refusedBackup(gzipSync("Dear reader,\nthis is no dump.\n"), /no.* dump/i);
    });

    it("a statement of the backup fails half-way", async () => {
        const sql = gunzipSync(await realBackup()).toString("latin1");
        const middle = sql.indexOf("\n-- Name:", sql.length / 2);
        const broken = `${sql.slice(0, middle)}\nSELECT no_such_function();\n${sql.slice(middle)}`;
        await refusedBackup(gzipSync(Buffer.from(broken, "latin1")), /no_such_function/);
    });

    it("the backup is older than it may be (S0-17)", () => refused({ "database.maximumAge": "1s" }, /old/));

    it("the media's mount is empty", () =>
        refusedEmpty(path.join(lane.stores, "media"), { "media.refresh": "100" }, /minimumFiles|fewer/i));

    it("the target's server is production's", async () => {
        const identifier = await stage.sql(
            stage.namespace,
            "postgres",
            "select system_identifier from pg_control_system()",
        );
        await refused({ "source.systemIdentifier": identifier }, new RegExp(identifier));
    });

    it("the server knows another password", async () => {
        const { namespace } = stage;
        const expected = "select rolpassword from pg_authid where rolname = 'postgres'";
        const known = await stage.sql(namespace, "postgres", expected);
        await stage.sql(namespace, "postgres", "alter role postgres password 'changed-by-hand'");
        try {
            await refused({}, /password/i);
        } finally {
            await stage.sql(namespace, "postgres", `alter role postgres password '${known}'`);
        }
    });

    it("the restore takes longer than it may (S0-13)", () =>
        refused(
            { "database.timeout": "1s" },
            /prepare-database.*\n?.*(DeadlineExceeded|longer than specified deadline)/,
        ));

    it("no tag is written (S0-05)", () => refused({ imageTag: undefined }, /imageTag is missing: write/));

    it("the tag is not the one that production runs (S0-06)", () =>
        refused({ imageTag: production.candidate }, /under tag 1\.1-rc1, but production runs 1\.0/));

    it("the target namespace is not ours", () =>
        refused({ "target.namespace": "default" }, /was not made by understudy/));

    it("the target is production's namespace", () => refused({ "target.namespace": "production" }, /production's own/));

    it("somebody holds the replica", () => refused({ hold: "the test team: until Friday" }, /held by the test team/));

    it("the context is not known", () =>
        refused({ "target.context": "nowhere" }, /context "nowhere".*knows no such context/));

    it("the cluster does not answer", async () => {
        const { status, output } = await stage.upUnreachable();
        expect(status, output).not.toBe(0);
        expect(output).toMatch(/cannot read the cluster of context .* Nothing was changed/);
        expect(await stage.digest()).toEqual(before.target);
    });

    it("the stack file has ten mistakes", () => refused(tenMistakes, /has 10 problems:(\s+understudy:\S+ .*){10}/));
});

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { packing } from "../postgres/formats";
import { frame } from "../postgres/replica";
import { sweep } from "../sweep";
import { type FaultStage, openFaultStage } from "./stage";

/** The backup is made to do more than bring data. */
let stage: FaultStage;
const canary = "/tmp/understudy-faults-canary";
beforeAll(async () => {
    stage = await openFaultStage();
});
beforeEach(() => rmSync(canary, { force: true }));
afterEach(() => expect(existsSync(canary)).toBe(false));
afterAll(() => stage?.stop());

const fault = "15 a hostile backup";

sweep<[string, string, RegExp]>([
    [
        "a program by COPY",
        `COPY (SELECT 1) TO PROGRAM 'touch ${canary}';`,
        /permission denied to COPY to or from an external program|pg_execute_server_program/,
    ],
    ["a file by COPY", "CREATE TABLE x (a text);\nCOPY x FROM '/etc/passwd';", /pg_read_server_files/],
    ["psql's shell", `\\! touch ${canary}`, /holds the psql command \\!/],
    [
        "psql's shell behind a name",
        `CREATE TABLE "x\n\\! touch ${canary}\n" (a integer);\nSELECT 1/0;`,
        /division by zero/,
    ],
    ["psql's copy", `\\copy x to program 'touch ${canary}'`, /holds the psql command \\copy/],
    ["a way to the live database", "\\connect shop\n\\connect postgres", /holds more than one database/],
    ["a superuser of its own", "CREATE ROLE evil SUPERUSER LOGIN;", /must be superuser/],
    ["the superuser's role", "SET ROLE postgres;", /permission denied to set role/],
    ["an event trigger", "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();", /event trigger/],
    ["an untrusted extension", "CREATE EXTENSION file_fdw;", /permission denied to create extension/],
    ["a setting of the server", "ALTER SYSTEM SET archive_command = 'true';", /permission denied to set parameter/],
    [
        "a dropped live database",
        "DO $$ begin execute 'drop database shop'; end $$;",
        /cannot be executed|must be owner/,
    ],
])("%s", (step, sql, says) =>
    stage.offered({
        fault,
        step: `plain: ${step}`,
        put: (hourly, stamp) => writeFileSync(join(hourly, `backup-${stamp}-shop.sql.gz`), frame(sql)),
        status: 1,
        says,
    }),
);

sweep(["directory", "tar"] as const)("a command to psql in the place of COPY in a %s", (format) =>
    stage.offered({
        fault,
        step: `${format}: psql's shell`,
        async put(hourly, stamp) {
            const path = join(hourly, `backup-${stamp}-shop${format === "tar" ? ".tar" : ""}`);
            await packing(stage.production, stage.backup)[format](path);
            const file = format === "tar" ? path : join(path, "toc.dat");
            const bytes = readFileSync(file);
            const copy = "COPY public.child (a, b) FROM stdin;";
            const at = bytes.indexOf(copy);
            expect(at).toBeGreaterThan(0);
            bytes.write(`\\! touch ${canary}`.padEnd(copy.length).slice(0, copy.length), at);
            writeFileSync(file, bytes);
        },
        status: 1,
        says: /holds the psql command \\[!.]/,
    }),
);

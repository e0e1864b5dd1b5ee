import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan } from "../../contract";
import { loginPassword } from "../postgres/replica";
import { sweep } from "../sweep";
import { type FaultStage, openFaultStage } from "./stage";

/** A password is wrong, has expired, or is not there. */
let stage: FaultStage;
beforeAll(async () => {
    stage = await openFaultStage();
});
afterAll(() => stage?.stop());

const wrong = "tr0ub4dor";

sweep<[string, (path: string) => void, RegExp]>([
    ["is wrong", (path) => writeFileSync(path, wrong), /does not take the password of user postgres/],
    ["is wrong, of several lines", (path) => writeFileSync(path, `${wrong}\n${wrong}\n`), /does not take the password/],
    ["is empty", (path) => writeFileSync(path, "\n"), /The password file .* is empty/],
    ["is not mounted", () => undefined, /The password file .* cannot be read \(ENOENT\)/],
    ["is a folder", (path) => mkdirSync(path), /The password file .* cannot be read \(EISDIR\)/],
])("the server's password %s", async (step, write, says) => {
    await refused(step, says, ({ database }) => {
        database.server.passwordFile = join(stage.replica.folder, "secrets/fault");
        write(database.server.passwordFile);
    });
});

test("the server still has a password from before the stack file asked for another", async () => {
    const { server, folder } = stage.replica;
    const secret = (name: string, text: string) => {
        writeFileSync(join(folder, "secrets", name), text);
        return join(folder, "secrets", name);
    };
    const plan = stage.next();
    const before = { ...plan.database.server };
    plan.database.server.passwordFile = secret("rotated", "another-secret");
    await refused("asks for another, and nobody knows the one before", /does not take the password/, ({ database }) => {
        database.server = { ...plan.database.server, formerPasswordsFile: secret("former", "neither\n") };
    });
    plan.database.server.formerPasswordsFile = secret("former", `neither\n${server.password}\n`);
    const { status, log } = await stage.attempt("prepare-database", plan);
    expect(status, log).toBe(0);
    expect(log).not.toContain("another-secret");
    const now = (password: string) => server.query("postgres", "select 1 as one", { user: "postgres", password });
    await expect(now(server.password)).rejects.toThrow("password authentication failed");
    expect(await now("another-secret")).toEqual([{ one: 1 }]);
    await server.query("postgres", `alter role postgres password '${server.password}'`, {
        user: "postgres",
        password: "another-secret",
    });
    plan.database.server = before;
    await stage.converged(plan);
});

test("the server's password has expired", async () => {
    const { query, password } = stage.replica.server;
    await query("postgres", `create role late superuser login password '${password}' valid until '2001-01-01'`);
    await refused("has expired", /does not take the password of user late/, ({ database }) => {
        database.server.user = "late";
    });
    await query("postgres", "drop role late");
});

sweep<["prepare-database" | "switch", string, RegExp]>([
    ["prepare-database", "", /The password file .* is empty/],
    ["switch", "\n", /The password file .* is empty/],
])("the application's password is empty at %s", async (command, text, says) => {
    const path = join(stage.replica.folder, "secrets/fault");
    await refused(
        `of the application: ${command}`,
        says,
        ({ database }) => {
            writeFileSync(path, text);
            database.loginPasswordFile = path;
        },
        command,
    );
});

async function refused(
    step: string,
    says: RegExp,
    change: (plan: Plan) => void,
    command: "prepare-database" | "switch" = "prepare-database",
) {
    const plan = stage.next();
    const faulty = structuredClone(plan);
    change(faulty);
    const start = performance.now();
    const ending = await stage.attempt(command, faulty);
    rmSync(join(stage.replica.folder, "secrets/fault"), { recursive: true, force: true });
    expect(ending).toMatchObject({ status: 3, sentence: expect.stringMatching(says) });
    // Asked once: the patience with a server that is still starting is a minute.
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(ending.log).not.toContain(wrong);
    await stage.recovered({ fault: "7 a password", step, ending, plan });
}

test("no password is in an argument of any program while a backup is loaded", async () => {
    const seen = new Set<string>();
    const plan = stage.next();
    const ending = await stage.attempt("prepare-database", plan, {
        started(child) {
            const look = setInterval(() => {
                for (const line of commandLines()) {
                    seen.add(line);
                }
            }, 5);
            child.once("close", () => clearInterval(look));
        },
    });
    expect(ending).toMatchObject({ status: 0 });
    const psql = [...seen].filter((line) => line.startsWith("psql "));
    expect(psql.length).toBeGreaterThan(0);
    for (const secret of [stage.replica.server.password, loginPassword]) {
        expect([...seen].filter((line) => line.includes(secret))).toEqual([]);
    }
    await stage.converged(plan);
});

/** The command lines of everything that runs. */
function commandLines(): string[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((id) => {
            try {
                return [readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ")];
            } catch {
                return [];
            }
        });
}

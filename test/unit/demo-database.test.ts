import { expect, test } from "vitest";
import { openDatabase, wentAway } from "../../demo/application/database";

test("a database that went away is told from a statement that is wrong", () => {
    const failed = (code: string) => Object.assign(new Error("failed"), { code });
    for (const code of ["57P01", "3D000", "08006", "ECONNREFUSED"]) expect(wentAway(failed(code)), code).toBe(true);
    for (const code of ["42601", "23505", "42501", "28P01"]) expect(wentAway(failed(code)), code).toBe(false);
    expect(wentAway(new Error("Connection terminated unexpectedly"))).toBe(true);
    expect(wentAway(new Error("timeout exceeded when trying to connect"))).toBe(false);
});

test("a server that stays away is reported as what it is", async () => {
    const database = openDatabase({ host: "127.0.0.1", port: 1, user: "nobody", database: "nothing" });
    await expect(database.query("select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await database.close();
});

import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isSecret, type Run, runProgram } from "./monitor";
import { changed, cluster, config, find, job, template } from "./registered";

const file = `masking-${process.pid}.yaml`;
const beside = path.join(__dirname, "../..", file);

describe("a stack with a masking file", () => {
    let without: Run;
    let run: Run;
    beforeAll(async () => {
        writeFileSync(beside, "version: 1\ndatabases: { catalogue: { person: { email: email } } }\n");
        [without, run] = await Promise.all([
            runProgram({ config, cluster }),
            runProgram({ config: changed("masking", { file, forbidden: ["@example.org"] }), cluster }),
        ]);
    });
    afterAll(() => rmSync(beside, { force: true }));

    const text = (of: Run, command: string) => JSON.stringify(template(job(of, command)));

    it("has a Secret with the key, which only who masks gets to see", () => {
        const { inputs } = find(run, "kubernetes:core/v1:Secret", "masking");
        expect(inputs).toMatchObject({ metadata: { name: "masking" } });
        expect(isSecret(inputs.stringData)).toBe(true);
        expect(text(run, "prepare-database")).toContain("/secrets/masking");
        for (const command of ["prepare-media", "switch", "smoke", "retire"]) {
            expect(text(run, command)).not.toContain("/secrets/masking");
        }
        expect(text(without, "prepare-database")).not.toContain("masking");
        expect(without.registrations.some(({ name }) => name === "masking")).toBe(false);
    });

    it("tells the agent the rules, and where the key is", () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs as {
            data: Record<string, string>;
        };
        expect(JSON.parse(data["plan.json"] ?? "").masking).toEqual({
            file,
            databases: { catalogue: { person: { email: "email" } } },
            keyFile: "/secrets/masking/key",
            forbidden: ["@example.org"],
        });
    });

    it("makes another copy of the database, and none of the media", () => {
        expect(text(run, "prepare-media")).toBe(text(without, "prepare-media"));
        expect(template(job(run, "prepare-database")).metadata.annotations["understudy/masking"]).toMatch(
            /^[0-9a-f]{10}$/,
        );
    });
});

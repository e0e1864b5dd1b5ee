import { beforeAll, describe, expect, it } from "vitest";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, config, find, job, template } from "./registered";

const identity = {
    rewrite: [{ from: "shop.example.org", to: "shop.staging.example.org" }],
    set: [{ table: "client", columns: { secret: { secret: "staging", key: "client-secret" } } }],
};

describe("a stack with an identity of its own", () => {
    let without: Run;
    let run: Run;
    beforeAll(async () => {
        [without, run] = await Promise.all([
            runProgram({ config, cluster }),
            runProgram({ config: changed("identity", identity), cluster }),
        ]);
    });

    const text = (of: Run, command: string) => JSON.stringify(template(job(of, command)));

    it("shows the values of Secrets to who makes the copy, and to nobody else", () => {
        expect(text(run, "prepare-database")).toContain('"mountPath":"/secrets/identity"');
        for (const command of ["prepare-media", "switch", "smoke", "retire"]) {
            expect(text(run, command)).not.toContain("/secrets/identity");
        }
        expect(text(without, "prepare-database")).not.toContain("identity");
    });

    it("makes another copy of the database, says why, and makes none of the media", () => {
        expect(text(run, "prepare-media")).toBe(text(without, "prepare-media"));
        expect(template(job(run, "prepare-database")).metadata.annotations["understudy/identity"]).toMatch(
            /^[0-9a-f]{10}$/,
        );
    });

    it("tells the agent", () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs as {
            data: Record<string, string>;
        };
        expect(JSON.parse(data["plan.json"] ?? "").identity).toMatchObject({
            rewrite: identity.rewrite,
            databases: {
                catalogue: { set: [{ columns: { secret: { file: "/secrets/identity/staging/client-secret" } } }] },
            },
        });
    });
});

import { readFileSync } from "node:fs";
import path from "node:path";
import yaml from "js-yaml";
import { describe, expect, it } from "vitest";
import { describeAccess } from "../../cli/access";
import { type Rbac, readersBeyond } from "../../cli/rbac";
import { parseSettings } from "../../settings";
import { problemsOf } from "../problems";
import { config } from "./cli/seen";

/** Roles and bindings of one cluster: what is in no namespace, and what is in the two. */
const { cluster, production, replica } = yaml.load(readFileSync(path.join(__dirname, "access.yaml"), "utf8")) as Record<
    string,
    Partial<Rbac>
>;
const rbac = (part: Partial<Rbac> | undefined): Rbac => ({
    roles: part?.roles ?? [],
    bindings: part?.bindings ?? [],
    clusterRoles: cluster?.clusterRoles ?? [],
    clusterBindings: cluster?.clusterBindings ?? [],
});
const [copy, source] = [rbac(replica), rbac(production)];

describe("who can read the copy and not production (S1-05)", () => {
    const readers = readersBeyond(copy, source);

    it("is named, with the ways and what opens them", () => {
        expect(readers).toEqual([
            {
                subject: "group:testers",
                ways: ["exec", "logs", "others' rights", "pods", "port-forward", "secrets"],
                production: [],
                through: ["RoleBinding understudy-edit"],
            },
            {
                subject: "serviceaccount:replica/reporter",
                ways: ["secrets smtp"],
                production: [],
                through: ["RoleBinding reporter"],
            },
            {
                subject: "user:anna",
                ways: ["exec"],
                production: ["logs"],
                through: ["RoleBinding debug"],
            },
            { subject: "user:bob", ways: ["exec", "port-forward"], production: [], through: ["RoleBinding all-sub"] },
        ]);
    });

    it("is not who can read both, who can read nothing, and who is bound to what is not there", () => {
        const named = readers.map(({ subject }) => subject);
        for (const subject of ["group:system:masters", "user:carl", "user:dora", "user:eve"]) {
            expect(named).not.toContain(subject);
        }
    });

    it("is everybody who can read the copy, where nobody knows of production", () => {
        const all = readersBeyond(copy, undefined).map(({ subject }) => subject);
        expect(all).toContain("group:system:masters");
        expect(all).toContain("user:carl");
        expect(all).not.toContain("user:dora");
    });

    it("is put in words", () => {
        const text = describeAccess({ readers, problems: [] }, "replica");
        expect(text).toMatch(/^user:anna +exec \(RoleBinding debug\); in production: logs$/m);
        expect(describeAccess({ readers: [], problems: [] }, "replica")).toMatch(
            /^Nobody can read namespace replica who/,
        );
        expect(describeAccess({ readers: [], problems: ["Not compared."] }, "replica")).toBe("Not compared.");
    });
});

describe("settings of access", () => {
    const problems = (access: object) =>
        problemsOf(() =>
            parseSettings(
                { ...config, "understudy:target": JSON.stringify({ context: "here", namespace: "replica", access }) },
                "understudy",
                "demo",
            ),
        );

    it("name users, groups and service accounts, and not everybody", () => {
        expect(
            problems({ view: ["user:anna@example.org", "group:oidc:testers"], edit: ["serviceaccount:ci/deployer"] }),
        ).toEqual([]);
        expect(problems({ view: ["anna"] })).toEqual([
            expect.stringMatching(/target\.access\.view\.0 is "anna": write user:<name>/),
        ]);
        expect(problems({ edit: ["group:system:authenticated"] })).toEqual([
            expect.stringMatching(/write the group that is meant: that one is everybody/),
        ]);
        expect(problems({ admin: [] })).toEqual([expect.stringMatching(/target\.access\.admin is not a setting/)]);
    });
});

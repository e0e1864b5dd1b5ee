import { describe, expect, it } from "vitest";
import { runProgram } from "./monitor";
import { cluster, config as demo } from "./registered";

const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const target = { context: "understudy-demo", developer: { user: "anna", name: "search" } };
const config = { ...demo, "understudy:target": JSON.stringify(target) };

function run(username: string, groups: string[] = ["system:authenticated"]) {
    const answer = { status: { userInfo: { username, groups } } };
    return runProgram({ config, stack: "dev-anna", cluster: { ...cluster, [review]: answer } });
}

describe("a developer's replica", () => {
    it.each([
        ["anna", []],
        ["oidc:anna", ["developers"]],
        ["anna@example.org", []],
        ["kubernetes-admin", ["system:masters"]],
    ])("is deployed by %s of %j, into a namespace of its own", async (name, groups) => {
        const { status, outputs, registrations } = await run(name, groups);
        expect(status).toBe(0);
        expect(outputs.namespace).toBe("stack-anna-search");
        const namespaces = registrations.map(({ inputs }) => (inputs.metadata as { namespace?: string })?.namespace);
        expect([...new Set(namespaces)].filter(Boolean)).toEqual(["stack-anna-search"]);
    });

    it.each(["berta", "joanna", "anna-lena", "system:serviceaccount:ci:anna", ""])(
        "is not deployed by %s",
        async (name) => {
            const { status, log, registrations } = await run(name);
            expect(status).not.toBe(0);
            expect(log.map(({ message }) => message).join()).toMatch(
                `This is anna's replica, and the cluster of context "understudy-demo" knows you as ${name}: ask anna`,
            );
            expect(registrations.filter(({ type }) => type.startsWith("kubernetes:"))).toEqual([]);
        },
    );
});

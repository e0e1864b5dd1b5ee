import { beforeAll, describe, expect, it } from "vitest";
import { planSchema } from "../../contract";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, config, expectRestricted, find, job, type Pod, pods, template } from "./registered";

const baseline = changed("target", { podSecurity: "baseline" });

function levels(run: Run): [unknown, unknown] {
    const { metadata } = find(run, "kubernetes:core/v1:Namespace").inputs;
    const { labels } = metadata as { labels: Record<string, string> };
    return [labels["pod-security.kubernetes.io/enforce"], labels["pod-security.kubernetes.io/warn"]];
}

describe("media.owners production", () => {
    let run: Run;
    beforeAll(async () => {
        run = await runProgram({ config: changed("media", { owners: "production" }, baseline), cluster });
    });
    const writers = ["prepare-media", "retire"];

    it("runs the Jobs that write to the media as user 0, with capabilities that the baseline level lets them have", () => {
        for (const command of writers) {
            const { securityContext, containers } = template(job(run, command)).spec;
            expect(securityContext).toEqual({
                ...{ runAsUser: 0, runAsGroup: 10001, supplementalGroups: [] },
                seccompProfile: { type: "RuntimeDefault" },
            });
            expect(containers.map((container) => container.securityContext)).toEqual([
                {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ["ALL"], add: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"] },
                },
            ]);
        }
    });

    it("leaves every other pod as restricted as it is", () => {
        const own = new Set<Pod>(writers.map((command) => template(job(run, command)).spec));
        const others = pods(run).filter((pod) => !own.has(pod));
        expect(others.length).toBeGreaterThan(4);
        others.forEach(expectRestricted);
    });

    it("is told to the agent, and makes the media's copy another one", async () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs;
        const plan = planSchema.parse(JSON.parse((data as Record<string, string>)["plan.json"] ?? ""));
        expect(plan.media).toMatchObject({ owners: "production", group: 10001 });
        const { annotations } = template(job(run, "prepare-media")).metadata;
        expect(annotations["understudy/owners"]).toBe("production");
        const before = await runProgram({ config, cluster });
        expect(run.outputs.mediaGeneration).not.toBe(before.outputs.mediaGeneration);
        expect(run.outputs.databaseGeneration).toBe(before.outputs.databaseGeneration);
    });
});

describe("the namespace's Pod Security level", () => {
    it("is restricted unless the stack file says baseline, which runs no Job again and makes none less restricted", async () => {
        const [restricted, lower] = await Promise.all([
            runProgram({ config, cluster }),
            runProgram({ config: baseline, cluster }),
        ]);
        expect(levels(restricted)).toEqual(["restricted", "restricted"]);
        expect(levels(lower)).toEqual(["baseline", "baseline"]);
        expect(pods(lower)).toEqual(pods(restricted));
        pods(lower).forEach(expectRestricted);
    });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestProduction } from "../../demo/digest";
import { openStage, type Stage } from "./stage";

/** Who may change a replica and when, and who gets to see it, step by step. */
describe("a replica that several people use", () => {
    let stage: Stage;
    let source: unknown;
    let refresh = 300;
    const lease = "understudy";

    beforeAll(async () => {
        stage = await openStage();
        source = await digestProduction(stage.cluster);
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
    });

    afterAll(async () => {
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
        expect(await digestProduction(stage.cluster)).toEqual(source);
    });

    async function refused(changes: Record<string, unknown>, sentence: RegExp): Promise<void> {
        const before = await stage.digest();
        const { status, output } = await stage.up(changes);
        expect(status, output).not.toBe(0);
        expect(output).toMatch(sentence);
        expect(await stage.digest()).toEqual(before);
    }

    async function leases() {
        const { CoordinationV1Api, V1MicroTime } = await import("@kubernetes/client-node");
        return {
            api: stage.config.makeApiClient(CoordinationV1Api),
            now: () => new V1MicroTime(),
            later: () => new V1MicroTime(Date.now() + 600_000),
        };
    }

    it("1. is not changed while somebody else's run, of another state, holds its lease", async () => {
        const { api, now, later } = await leases();
        const { namespace } = stage;
        await api.createNamespacedLease({
            namespace,
            body: {
                metadata: { name: lease },
                spec: { holderIdentity: "anna on a-laptop, process 7", acquireTime: now(), renewTime: later() },
            },
        });
        try {
            await refused({ "database.refresh": String(refresh++) }, /is being changed by anna on a-laptop, process 7/);
        } finally {
            await api.deleteNamespacedLease({ name: lease, namespace });
        }
    });

    it("2. has no lease when nobody runs", async () => {
        const { api } = await leases();
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
        await expect(api.readNamespacedLease({ name: lease, namespace: stage.namespace })).rejects.toMatchObject({
            code: 404,
        });
    });

    it("3. is not refreshed before people were told, and is when the notice has passed", async () => {
        const changes = { announce: { notice: "30m", owner: "the test team" }, "database.refresh": String(refresh++) };
        await refused(changes, /run understudy announce scenario/);
        const announced = await stage.command("announce", "scenario", "--reason", "the demo", "--in", "1h");
        expect(announced.output).toMatch(/announced by the test team: the demo; from /);
        await refused(changes, /The refresh is announced \(by the test team: the demo; from/);
        expect((await stage.command("status", "scenario")).output).toMatch(/^announced +by the test team: the demo/m);
        expect((await stage.command("announce", "scenario", "--in", "1s")).status).toBe(0);
        const { status, output } = await stage.up(changes);
        expect(status, output).toBe(0);
        await refused({ ...changes, "database.refresh": String(refresh++) }, /run understudy announce scenario/);
        const back = await stage.up({ "database.refresh": changes["database.refresh"] });
        expect(back.status, back.output).toBe(0);
    });

    it("4. lets in whom its stack file names, and names them as those who cannot read production (S1-05)", async () => {
        const { status, output } = await stage.up({ "target.access": { edit: ["group:testers"] } });
        expect(status, output).toBe(0);
        const access = await stage.command("status", "scenario", "--access");
        expect(access.status, access.output).toBe(0);
        expect(access.output).toMatch(
            /^group:testers +exec, .*secrets \(RoleBinding understudy-edit\); in production: nothing$/m,
        );
        expect(access.output).not.toMatch(/system:masters/);
    });
});

import type { V1Namespace } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sinkImage } from "../../settings/mail";
import { openStage, type Stage } from "./stage";

/** Mail that the application sends, in each mode, with another mail server of the cluster for all the world. */
describe("mail of a replica", () => {
    let stage: Stage;
    // Another one each time: a run that was killed may have left its own.
    const world = `world-${Date.now()}`;
    const copy = `for mail, ${new Date().toISOString()}`;
    // Another number is another pod, without what earlier scenarios have sent.
    const keep = 100 + (Date.now() % 400);
    const base = { "database.refresh": copy, "media.refresh": copy, "mail.keep": keep };
    const relay = { host: `mail.${world}.svc`, port: 1025, encryption: "none" };
    const application = "app.kubernetes.io/name=application";

    beforeAll(async () => {
        stage = await openStage();
        await startWorld(stage, world);
    });
    afterAll(async () => {
        await stage?.core.deleteNamespace({ name: world });
    });

    const well = async (changes: Record<string, unknown>) => {
        const { status, output } = await stage.up({ ...base, ...changes });
        expect(status, output).toBe(0);
    };
    /** Status of the page that a visitor gets who sends a package's page to somebody. */
    const send = async (to: string) => {
        const address = `http://${stage.cluster.address}:30080/packages/bash/mail`;
        const body = new URLSearchParams({ to });
        return (await fetch(address, { method: "POST", body, redirect: "manual" })).status;
    };
    /** Subjects of what a sink has, the newest first, as the application's pod can ask it. */
    const subjects = async (sink: string) => {
        const ask = `fetch("http://${sink}:8025/api/v1/messages").then((answer) => answer.text()).then(console.log)`;
        const { messages } = JSON.parse(await stage.execute(stage.namespace, application, ["node", "-e", ask])) as {
            messages: { Subject: string }[];
        };
        return messages.map(({ Subject }) => Subject);
    };
    const delivery = () =>
        stage.sql(stage.namespace, "catalogue", "select value from settings where name = 'mail.delivery'");

    it("1. is caught, though production's own rows say that it goes to people", async () => {
        expect(
            await stage.sql("production", "catalogue", "select value from settings where name = 'mail.delivery'"),
        ).toBe("live");
        await well({});
        expect(await delivery()).toBe("sink");
        expect(await send("anna@customer.example")).toBe(303);
        expect(await subjects("mail")).toEqual([expect.stringMatching(/^\[sink\] bash: /)]);
        const told = await stage.command("status", "scenario");
        expect(told.output).toMatch(/^mail +sink: 1 message caught, the last at \S+Z$/m);
        expect(told.output).toMatch(/^its page +http:\/\/mail\.\S+\.svc:8025;/m);
    });

    it("2. is still there after a refresh of the database alone, which comes up safe as well", async () => {
        await well({ "database.refresh": `${copy}, again` });
        expect(await delivery()).toBe("sink");
        expect(await subjects("mail")).toHaveLength(1);
    });

    it("3. goes to one address where the stack file says so, and to nobody else", async () => {
        await well({ "mail.mode": "redirect", "mail.to": "tester@example.org", "mail.relay": relay });
        expect(await delivery()).toBe("redirect");
        expect(await send("anna@customer.example")).toBe(303);
        expect(await subjects("mail")).toHaveLength(1);
        expect(await subjects(relay.host)).toEqual([expect.stringMatching(/^\[redirect\] bash: /)]);
    });

    it("4. goes to those who are allowed, where the stack file says so", async () => {
        await well({ "mail.mode": "filter", "mail.allowed": ["example.org"], "mail.relay": relay });
        expect(await send("anna@customer.example")).toBe(303);
        expect(await subjects(relay.host)).toHaveLength(1);
        expect(await send("tester@example.org")).toBe(303);
        expect(await subjects(relay.host)).toEqual([
            expect.stringMatching(/^\[filter\] bash: /),
            expect.stringMatching(/^\[redirect\] bash: /),
        ]);
    });

    it("5. is sent nowhere where it is off, and the application says so", async () => {
        await well({ "mail.mode": "off" });
        expect(await send("tester@example.org")).toBe(400);
        const left = await stage.pods("app.kubernetes.io/name=mail");
        expect(left.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)).toEqual([]);
        expect((await stage.command("status", "scenario")).output).toMatch(/^mail +off: none is sent$/m);
    });
});

/** A mail server in a namespace of its own. */
async function startWorld({ core }: Stage, name: string): Promise<void> {
    const namespace: V1Namespace = { metadata: { name } };
    await core.createNamespace({ body: namespace });
    const labels = { app: "mail" };
    await core.createNamespacedPod({
        namespace: name,
        body: {
            metadata: { name: "mail", labels },
            spec: {
                automountServiceAccountToken: false,
                containers: [
                    {
                        name: "mail",
                        image: sinkImage,
                        readinessProbe: { httpGet: { path: "/readyz", port: 8025 }, periodSeconds: 1 },
                    },
                ],
            },
        },
    });
    const ports = [1025, 8025].map((port) => ({ name: `port-${port}`, port }));
    await core.createNamespacedService({
        namespace: name,
        body: { metadata: { name: "mail" }, spec: { selector: labels, ports } },
    });
}

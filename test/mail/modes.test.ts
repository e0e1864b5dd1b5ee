import { readFileSync } from "node:fs";
import path from "node:path";
import { createTransport } from "nodemailer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { caughtBySink } from "../../agent/mail";
import { sinkVariables } from "../../components/mail-configuration";
import type { Plan } from "../../contract";
import { parseSettings } from "../../settings";
import { configOf } from "../program/monitor";
import { type Sink, startSink, startWorld, type World } from "./sink";

const config = configOf(readFileSync(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8"));

describe("mail that the application sends", () => {
    let world: World;
    let sink: Sink | undefined;
    beforeEach(async () => {
        world = await startWorld();
    });
    afterEach(async () => {
        await Promise.all([world.stop(), sink?.stop()]);
    });

    /** The sink of a replica whose stack file says this of mail, with a way out to the world. */
    async function sinkOf(mail: object): Promise<Sink> {
        const relay = { host: "127.0.0.1", port: world.port, encryption: "none" };
        const written = { ...config, "understudy:mail": JSON.stringify({ relay, ...mail }) };
        sink = await startSink(sinkVariables(parseSettings(written, "understudy", "demo").mail));
        return sink;
    }

    async function send(sink: Sink, to: string[], more: object = {}): Promise<void> {
        const transport = createTransport({ host: "127.0.0.1", port: sink.smtp, ...more });
        await transport.sendMail({
            from: "Shop <shop@production.example.org>",
            to,
            bcc: "archive@production.example.org",
            subject: "Ihre Rechnung für Müller",
            text: "The body.",
        });
        transport.close();
    }

    const customers = ["anna@customer.example", "Tester@example.org"];
    const login = { auth: { user: "shop", pass: "whatever" }, forceAuth: true };
    const everybody = [...customers, "archive@production.example.org"];
    const message = { from: "shop@production.example.org", for: everybody, subject: "Ihre Rechnung für Müller" };

    it("is caught with mode sink, and nothing of it gets out", async () => {
        const sink = await sinkOf({ mode: "sink", to: "tester@example.org", allowed: ["example.org"] });
        await send(sink, customers);
        expect(await sink.caught()).toEqual([message]);
        expect(world.arrived).toEqual([]);
        expect(sink.log()).not.toContain("archive@production.example.org");
    });

    it("is caught also from an application that insists on logging in", async () => {
        const sink = await sinkOf({});
        await send(sink, customers, login);
        expect(await sink.caught()).toHaveLength(1);
    });

    it("is told by the log with mode log, without what it says, and nothing of it gets out", async () => {
        const sink = await sinkOf({ mode: "log" });
        await send(sink, customers);
        expect(sink.log()).toMatch(/anna@customer\.example.*Ihre Rechnung für Müller/);
        expect(sink.log()).not.toContain("The body.");
        expect(world.arrived).toEqual([]);
        // What it would say is in Mailpit's log as well.
        await expect(send(sink, customers, login)).rejects.toThrow(/Invalid login/);
    });

    it("goes to one address with mode redirect, and is caught as well", async () => {
        const sink = await sinkOf({ mode: "redirect", to: "tester@example.org" });
        await send(sink, customers);
        expect(await sink.caught()).toEqual([message]);
        expect(world.arrived).toEqual([{ from: message.from, to: ["tester@example.org"] }]);
    });

    it("goes to those allowed alone with mode filter, and is caught as well", async () => {
        const sink = await sinkOf({ mode: "filter", allowed: ["EXAMPLE.org"], from: "replica@example.org" });
        await send(sink, ["anna@customer.example"]);
        expect(world.arrived).toEqual([]);
        await send(sink, customers);
        expect(await sink.caught()).toEqual([message, { ...message, for: expect.any(Array) }]);
        expect(world.arrived).toEqual([{ from: "replica@example.org", to: ["Tester@example.org"] }]);
    });

    it("is kept when the way out is closed", async () => {
        const sink = await sinkOf({ mode: "redirect", to: "tester@example.org" });
        await world.stop();
        await send(sink, customers);
        expect(await sink.caught()).toEqual([message]);
    });

    it("is counted by the agent, the last of it with its time (S4-15)", async () => {
        const sink = await sinkOf({ keep: 2 });
        const plan = { mail: { sink: `http://127.0.0.1:${sink.http}` } } as Plan;
        expect(await caughtBySink(plan)).toEqual({ messages: 0, last: null });
        for (const to of ["a", "b", "c"]) {
            await send(sink, [`${to}@example.org`]);
        }
        const found = await caughtBySink(plan);
        expect(found?.messages).toBe(2);
        expect(Date.now() - Date.parse(found?.last ?? "")).toBeLessThan(60_000);
        expect(await caughtBySink({ mail: {} } as Plan)).toBeUndefined();
        await sink.stop();
        await expect(caughtBySink(plan)).rejects.toThrow(/The mail sink at .* does not tell what it has caught/);
    });
});

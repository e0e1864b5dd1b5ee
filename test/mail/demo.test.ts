import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type MailSettings, sendPackage } from "../../demo/application/mail";
import { type Sink, startSink } from "./sink";

const found = {
    ...{ id: 1, name: "bash", version: "5.2", summary: "GNU shell", section: "shells", sectionTitle: "Shells" },
    ...{ picture: "", homepage: "https://example.org", downloadBytes: 1, installedBytes: 1, tags: [], demand: 0 },
    ...{ note: null, noteChangedAt: null },
};

describe("the demo's catalogue", () => {
    let sink: Sink;
    beforeAll(async () => {
        sink = await startSink({});
    });
    afterAll(() => sink?.stop());

    const toAnna = async (settings: MailSettings, server?: { host: string; port: number }) => {
        await sendPackage(settings, server, found, "anna@customer.example");
        return (await sink.caught())[0];
    };
    const from = "catalogue@production.example.org";
    const message = { from, for: ["anna@customer.example"], subject: "bash: GNU shell" };

    it("sends mail by the way that its database names", async () => {
        const settings = { host: "127.0.0.1", port: sink.smtp, from, delivery: "live" };
        expect(await toAnna(settings)).toEqual(message);
    });

    it("sends it by the way that its environment names, if it names one, and marks it as no production's", async () => {
        const settings = { host: "smtp.invalid", port: 25, from, delivery: "sink" };
        expect(await toAnna(settings, { host: "127.0.0.1", port: sink.smtp })).toEqual({
            ...message,
            subject: "[sink] bash: GNU shell",
        });
    });
});

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { tellerOf, tellHook } from "../../cli/notice";
import { parseSettings, type Settings } from "../../settings";
import { problemsOf } from "../problems";
import { config, settings } from "./cli/seen";

describe("settings of notices", () => {
    const problems = (notices: object) =>
        problemsOf(() =>
            parseSettings({ ...config, "understudy:notices": JSON.stringify(notices) }, "understudy", "demo"),
        );

    it("do not print an address, which may hold a password", () => {
        expect(problems({ url: "http://chat.example.org/secret" })).toEqual([
            "understudy:notices.url: write an address such as https://chat.example.org/hook",
        ]);
        expect(problems({ secret: "hook" })).toEqual([
            expect.stringMatching(/notices has no web hook that could be told: write notices\.url/),
        ]);
        expect(problems({ url: "https://chat.example.org/hook", on: ["lunch"] })).toEqual([
            expect.stringMatching(/notices\.on\.0 is "lunch": write .*announced.*done.*failed.*stale.*expired/),
        ]);
    });
});

describe("a web hook", () => {
    const close: (() => void)[] = [];
    afterEach(() => {
        for (const end of close.splice(0)) {
            end();
        }
    });

    /** A web hook that answers with these, one after the other. */
    async function hook(...answers: number[]) {
        const got: { token: string | undefined; body: unknown }[] = [];
        const server = createServer((request, response) => {
            let text = "";
            request.on("data", (chunk) => {
                text += chunk;
            });
            request.on("end", () => {
                got.push({ token: request.headers.authorization, body: JSON.parse(text) });
                response.writeHead(answers[got.length - 1] ?? 200, { location: "/elsewhere" }).end("thanks");
            });
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        close.push(() => server.close());
        return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/a-password` };
    }

    it("is told with the token, and again after a failure", async () => {
        const { got, url } = await hook(500, 200);
        expect(await tellHook(url, "a token", { text: "soon" }, [1, 1])).toBeUndefined();
        expect(got).toEqual([1, 2].map(() => ({ token: "Bearer a token", body: { text: "soon" } })));
    });

    it("that fails three times or leads elsewhere is told of, without its path or its token", async () => {
        for (const status of [500, 302]) {
            const { got, url } = await hook(status, status, status);
            const sentence = await tellHook(url, "a token", {}, [1, 1]);
            expect(sentence).toMatch(
                new RegExp(`^The web hook of 127\\.0\\.0\\.1:\\d+ was not told \\(it answers ${status}\\)`),
            );
            expect(sentence).not.toMatch(/a-password|a token/);
            expect(got).toHaveLength(3);
        }
        expect(await tellHook("http://127.0.0.1:9/a-password", undefined, {}, [])).toMatch(
            /was not told \((ECONNREFUSED|no answer)\)/,
        );
    });

    it("gets the event, where it was and its facts, of the events that the stack file names", async () => {
        const { got, url } = await hook();
        const teller = (on: object) =>
            tellerOf({ ...settings, notices: { url, ...on } } as Settings, "understudy/demo");
        const notice = { event: "expired", text: "It is over.", facts: { acts: "soon" } } as const;
        expect(await (await teller({ on: ["done"] }))(notice)).toEqual([]);
        expect(await (await tellerOf(settings, "understudy/demo"))(notice)).toEqual([]);
        expect(got).toEqual([]);
        expect(await (await teller({ on: ["done", "expired"] }))(notice)).toEqual([]);
        expect(got).toEqual([
            {
                token: undefined,
                body: {
                    text: "It is over.",
                    event: "expired",
                    stack: "understudy/demo",
                    namespace: "replica",
                    acts: "soon",
                },
            },
        ]);
    });

    it("is not told without its token, which is said", async () => {
        const { got, url } = await hook();
        const tell = await tellerOf({ ...settings, notices: { url, on: ["done"], secret: "chat" } }, "understudy/demo");
        expect(await tell({ event: "done", text: "It is new." })).toEqual([
            "The web hook was not told: Secret chat, which notices.secret names, cannot be read (no answer).",
        ]);
        expect(got).toEqual([]);
    });
});

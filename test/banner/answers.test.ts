import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type RequestListener, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { createGunzip, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Front, startFront } from "./front";

const text = "Copy of production: staging. Ask “us”";
const words = "Copy of production: staging. Ask &#8220;us&#8221;";
const page =
    '<!DOCTYPE html>\n<html lang="en"><head><title>Shop</title></head>\n<body class="wide"><p>Välkommen</p></body></html>';
const file = randomBytes(300_000);
/** Requests as the application got them. */
const seen: IncomingMessage[] = [];
const connections = new Set<Socket>();
/** An answer that is still coming. */
let stream: ServerResponse;
/** Is told that an upload has reached the application. */
let uploadBegan: () => void = () => undefined;

const answers: Record<string, RequestListener> = {
    "/page": (_, answer) => {
        const head = {
            "content-type": "text/html; charset=utf-8",
            etag: '"1"',
            "accept-ranges": "bytes",
            "last-modified": new Date(0).toUTCString(),
        };
        answer.writeHead(200, { ...head, "content-length": Buffer.byteLength(page), "cache-control": "max-age=3600" });
        answer.end(page);
    },
    "/private": (_, answer) =>
        answer.writeHead(200, { "content-type": "text/html", "cache-control": "no-store" }).end(page),
    "/missing": (_, answer) => answer.writeHead(404, { "content-type": "text/html", "x-robots-tag": "all" }).end(page),
    "/piece": (_, answer) => answer.writeHead(200, { "content-type": "text/html" }).end("<li>One</li>"),
    "/download": (_, answer) => {
        const head = { "content-type": "text/html", "content-disposition": 'attachment; filename="a.html"' };
        answer.writeHead(200, { ...head, "content-length": Buffer.byteLength(page) }).end(page);
    },
    "/packed": (_, answer) =>
        answer.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" }).end(gzipSync(page)),
    "/file": (incoming, answer) => {
        const own = { server: "shop", "x-accel-redirect": "/page", "set-cookie": ["a=1", "b=2"] };
        const head = { "content-type": "image/png", etag: '"f"', "accept-ranges": "bytes", ...own };
        const range = /^bytes=(\d+)-(\d+)$/.exec(incoming.headers.range ?? "");
        if (incoming.headers["if-none-match"] === '"f"') {
            answer.writeHead(304, head).end();
        } else if (range) {
            const part = file.subarray(Number(range[1]), Number(range[2]) + 1);
            answer
                .writeHead(206, { ...head, "content-range": `bytes ${range[1]}-${range[2]}/${file.length}` })
                .end(part);
        } else {
            answer.writeHead(200, { ...head, "content-length": file.length }).end(file);
        }
    },
    "/data": (_, answer) =>
        answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ html: page.repeat(100) })),
    "/empty": (_, answer) => answer.writeHead(204).end(),
    "/moved": (_, answer) =>
        answer.writeHead(302, { location: "http://shop.example.org/page", "content-type": "text/html" }).end(page),
    "/slow": (_, answer) => {
        answer.writeHead(200, { "content-type": "text/html" });
        answer.write(page.slice(0, page.indexOf("</p>")));
        stream = answer;
    },
    "/lines": (_, answer) => {
        answer.writeHead(200, { "content-type": "application/json" });
        answer.write("[1");
        stream = answer;
    },
    "/events": (_, answer) => {
        answer.writeHead(200, { "content-type": "text/event-stream" });
        answer.write("data: one\n\n");
        stream = answer;
    },
    "/upload": async (incoming, answer) => {
        const hash = createHash("sha256");
        for await (const chunk of incoming) {
            uploadBegan();
            hash.update(chunk as Buffer);
        }
        answer.end(hash.digest("hex"));
    },
};

let front: Front;
let sheet: string;
beforeAll(async () => {
    front = await startFront(text, (incoming, answer) => {
        seen.push(incoming);
        answers[incoming.url?.split("?")[0] ?? ""]?.(incoming, answer);
    });
    sheet = /href="(\/\.understudy\/[^"]+)"/.exec((await ask("/page")).text)?.[1] ?? "";
    front.application.on("connection", (socket) => connections.add(socket));
    front.application.on("upgrade", (incoming, socket) => {
        socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${incoming.headers.upgrade}\r\nConnection: Upgrade\r\n\r\n`,
        );
        socket.on("data", (data: Buffer) => socket.write(data.toString().toUpperCase()));
    });
});
afterAll(() => front.stop());

type Fields = Record<string, string>;

/** One request, as it is: nothing is decoded, followed or added. */
async function ask(path: string, headers: Fields = {}, method = "GET") {
    const asked = request(`${front.url}${path}`, { headers, method });
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answer) {
        chunks.push(chunk as Buffer);
    }
    const raw = Buffer.concat(chunks);
    return { status: answer.statusCode, headers: answer.headers, raw, text: raw.toString() };
}

/** Begins a request whose answer comes in parts; `until` waits for a text in what has come so far. */
async function follow(path: string, headers: Fields = {}) {
    const asked = request(`${front.url}${path}`, { headers });
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const gunzip = answer.headers["content-encoding"] === "gzip" ? createGunzip() : new PassThrough();
    let got = "";
    answer.pipe(gunzip).on("data", (data: Buffer) => {
        got += data;
    });
    return {
        answer,
        until: (wanted: string) => expect.poll(() => got, { timeout: 60_000 }).toContain(wanted),
        whole: async () => {
            await once(gunzip, "end");
            return got;
        },
    };
}

const barIn = /<html data-understudy-bar=[^>]*><link[^>]*>|<aside id="understudy-bar".*?<\/aside>/g;
const bars = (html: string) => html.match(barIn)?.length ?? 0;

describe("a page", () => {
    it("has the bar first in its body, its sheet in its head, and is else as it was", async () => {
        const { text: html, headers } = await ask("/page");
        const [, head, aside] =
            /(<html data[^>]*><link[^>]*>)<body class="wide">(<aside.*<\/aside>)<p>/s.exec(html) ?? [];
        expect(head).toContain(`data-understudy-bar="${words}"`);
        expect(aside).toContain(`>${words}<`);
        expect(html.replace(barIn, "")).toBe(page);
        expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    });

    it("is fetched again every time: an old bar would be beside new data, or none", async () => {
        const { headers } = await ask("/page");
        expect(headers).toMatchObject({ "cache-control": "no-cache" });
        for (const field of ["etag", "last-modified", "accept-ranges", "content-length"]) {
            expect(headers).not.toHaveProperty(field);
        }
        expect((await ask("/private")).headers).toHaveProperty("cache-control", "no-store");
        // A page from before there was a bar.
        await ask("/page", { accept: "text/html,*/*", "if-none-match": '"1"', "if-modified-since": "yesterday" });
        expect(seen.at(-1)?.headers).not.toHaveProperty("if-none-match");
        expect(seen.at(-1)?.headers).not.toHaveProperty("if-modified-since");
    });

    it("has the same fields for HEAD", async () => {
        const { headers: asked } = await ask("/page");
        const { status, headers, raw } = await ask("/page", {}, "HEAD");
        expect([status, raw.length]).toEqual([200, 0]);
        const { date: _, "transfer-encoding": _chunked, ...fields } = asked;
        expect(headers).toMatchObject(fields);
    });

    it("that says what went wrong has it too", async () => {
        const { status, text: html } = await ask("/missing");
        expect([status, bars(html)]).toEqual([404, 2]);
    });

    it("is compressed for whoever takes that, even where the application would not", async () => {
        const { headers, raw } = await ask("/page", { "accept-encoding": "gzip, br" });
        expect(headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
        expect(gunzipSync(raw).toString().replace(barIn, "")).toBe(page);
        expect(seen.at(-1)?.headers).toHaveProperty("accept-encoding", "identity");
    });

    const ways: Fields[] = [{}, { "accept-encoding": "gzip" }];
    it.each(ways)("begins before it has ended (%o)", async (headers) => {
        const { until, whole } = await follow("/slow", headers);
        await until("Välkommen");
        stream.write("<!-- and -->");
        await until("and");
        stream.end("</p></body></html>");
        const html = await whole();
        expect([bars(html), html.replace(barIn, "").replace("<!-- and -->", "")]).toEqual([2, page]);
    });

    it("inside of a page has none, nor has a piece of one, or a file", async () => {
        expect(bars((await ask("/page", { "sec-fetch-dest": "iframe" })).text)).toBe(0);
        expect(bars((await ask("/page", { "sec-fetch-dest": "empty" })).text)).toBe(2);
        expect((await ask("/piece")).text).toBe("<li>One</li>");
        const { text: html, headers } = await ask("/download");
        expect(html).toBe(page);
        expect(headers).toHaveProperty("content-length", String(Buffer.byteLength(page)));
        const packed = await ask("/packed", { "sec-fetch-dest": "document" });
        expect(gunzipSync(packed.raw).toString()).toBe(page);
    });
});

describe("everything else", () => {
    it("is the application's, byte for byte and field for field", async () => {
        const { raw, headers } = await ask("/file", { "accept-encoding": "gzip" });
        expect(raw.equals(file)).toBe(true);
        expect(headers).toMatchObject({ etag: '"f"', "accept-ranges": "bytes", "content-length": `${file.length}` });
        expect(headers).toMatchObject({ server: "shop", "x-accel-redirect": "/page", "set-cookie": ["a=1", "b=2"] });
        expect(headers).not.toHaveProperty("cache-control");
        const data = await ask("/data", { "accept-encoding": "gzip" });
        expect(JSON.parse(gunzipSync(data.raw).toString())).toEqual({ html: page.repeat(100) });
    });

    it("can be had in parts, and not at all where it is known", async () => {
        const part = await ask("/file", { range: "bytes=1000-1999" });
        expect([part.status, part.raw.equals(file.subarray(1000, 2000))]).toEqual([206, true]);
        expect(part.headers).toHaveProperty("content-range", `bytes 1000-1999/${file.length}`);
        const known = await ask("/file", { "if-none-match": '"f"' });
        expect([known.status, known.raw.length, known.headers.etag]).toEqual([304, 0, '"f"']);
        expect(await ask("/empty")).toMatchObject({ status: 204, text: "" });
    });

    it("leads where the application says", async () => {
        const { status, headers, text: html } = await ask("/moved");
        expect([status, headers.location, html]).toEqual([302, "http://shop.example.org/page", page]);
    });

    it("comes as soon as it is sent", async () => {
        const events = await follow("/events", { accept: "text/event-stream", "accept-encoding": "gzip" });
        await events.until("one");
        expect(events.answer.headers).not.toHaveProperty("content-encoding");
        stream.write("data: two\n\n");
        await events.until("two");
        stream.end("data: three\n\n");
        expect(await events.whole()).toBe("data: one\n\ndata: two\n\ndata: three\n\n");
        const lines = await follow("/lines", { "accept-encoding": "gzip" });
        await lines.until("[1");
        expect(lines.answer.headers).toHaveProperty("content-encoding", "gzip");
        stream.write(",2");
        await lines.until(",2");
        stream.end("]");
        expect(await lines.whole()).toBe("[1,2]");
    });

    it("is no business of search engines", async () => {
        for (const path of ["/page", "/file", "/missing", "/empty", "/moved", "/robots.txt", sheet]) {
            expect((await ask(path)).headers, path).toHaveProperty("x-robots-tag", "noindex, nofollow");
        }
        const { headers, text: rules } = await ask("/robots.txt");
        expect([headers["content-type"], rules]).toEqual(["text/plain", "User-agent: *\nDisallow: /\n"]);
    });

    it("is not the bar's sheet, which is fetched once", async () => {
        expect((await ask(sheet)).headers).toMatchObject({
            "content-type": "text/css",
            "cache-control": expect.stringContaining("immutable"),
        });
    });
});

describe("a request", () => {
    it("comes as it was sent: its host, its path, its fields, and who has sent it", async () => {
        const fields = {
            host: "shop.example.org:8443",
            "x-forwarded-for": "192.0.2.7",
            "x-forwarded-proto": "https",
            "x-forwarded-host": "shop.example.org",
            user_id: "7",
            cookie: `session=${"x".repeat(12_000)}`,
        };
        await ask("/piece?a=%2F..%2f&b=ä".replace("ä", "%C3%A4"), fields);
        expect(seen.at(-1)?.url).toBe("/piece?a=%2F..%2f&b=%C3%A4");
        expect(seen.at(-1)?.headers).toMatchObject(fields);
        await ask("/piece");
        expect(seen.at(-1)?.headers).toHaveProperty("x-forwarded-for", "127.0.0.1");
    });

    it("may be large, and reaches the application while it comes", async () => {
        const content = randomBytes(20 * 1024 * 1024);
        const began = new Promise<void>((resolve) => {
            uploadBegan = resolve;
        });
        const asked = request(`${front.url}/upload`, { method: "POST", headers: { "content-length": content.length } });
        asked.write(content.subarray(0, 1_000_000));
        await began;
        asked.end(content.subarray(1_000_000));
        const [answer] = (await once(asked, "response")) as [IncomingMessage];
        const [hash] = (await once(answer.setEncoding("utf8"), "data")) as [string];
        expect(hash).toBe(createHash("sha256").update(content).digest("hex"));
    });

    it("shares the connection to the application with those before it", async () => {
        connections.clear();
        for (let count = 0; count < 10; count++) {
            await ask("/piece");
        }
        // Each of two processes has one of its own.
        expect(connections.size).toBeLessThanOrEqual(2);
    });

    it("may become something else", async () => {
        const asked = request(`${front.url}/socket`, { headers: { connection: "Upgrade", upgrade: "websocket" } });
        asked.end();
        const [answer, socket] = (await once(asked, "upgrade")) as [IncomingMessage, Socket];
        expect([answer.statusCode, answer.headers.upgrade]).toEqual([101, "websocket"]);
        for (const word of ["one", "two"]) {
            socket.write(word);
            expect(String((await once(socket, "data"))[0])).toBe(word.toUpperCase());
        }
        socket.destroy();
    });
});

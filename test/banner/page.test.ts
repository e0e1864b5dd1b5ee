import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { constants, inflateSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import fc from "fast-check";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import filter from "../../banner/filter";
import { bannerColours } from "../../components/banner-configuration";
import { type Front, startFront } from "./front";

const text = "Copy of production: staging · data of 2026-11-20 02:04 UTC · image tag 1.0 · ask “the <data> team”";
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const content = '<header id="top">Shop</header><main><h1>Shelves</h1><p>Nothing is left of them.</p></main>';
const page = (style = "", body = content) =>
    `<!doctype html><html lang="en"><head><title>Shop</title><style>body{margin:0}${style}</style></head><body>${body}</body></html>`;
const pages: Record<string, { html: string; policy?: string }> = {
    "/": { html: page() },
    "/no-tags": { html: "<!doctype html><title>Shop</title><h1>Shelves</h1><p>Nothing is left of them." },
    "/row": { html: page("body{display:flex;align-items:center;min-height:100vh}") },
    "/grid": { html: page("body{display:grid;grid-template-rows:auto 1fr;min-height:100vh}#top{background:#ddd}") },
    "/nailed": {
        html: page(
            "#top{position:fixed;inset:0 0 auto;height:60px;background:#ddd;z-index:1000}main{padding-top:80px}",
        ),
    },
    "/hostile": {
        html: page(
            "html{visibility:hidden;letter-spacing:9px}*{color:#fff!important;background:#fff!important;font-size:0;display:none}html,body,main,p{display:block}",
        ),
    },
    "/own": { html: page(), policy: "default-src 'self'; style-src 'self'" },
    "/nothing": { html: page(), policy: "default-src 'none'" },
    "/replaced": { html: page("", "<script>document.body.innerHTML = '<main>Made anew</main>'</script>") },
    "/script": {
        html: `<!doctype html><html lang="en"><head><title>Shop</title><script>document.title = "</head><body>".length</script></head><body onload="document.title += ' loaded'">${content}</body></html>`,
    },
    "/framing": { html: page("", '<main><iframe src="/" title="Shop"></iframe></main>') },
};

let front: Front;
let browser: Browser;
let shown: Page;
beforeAll(async () => {
    const answer: RequestListener = (incoming, answer) => {
        const { html, policy } = pages[incoming.url ?? ""] ?? { html: "" };
        answer.writeHead(html === "" ? 404 : 200, {
            "content-type": "text/html; charset=utf-8",
            ...(policy !== undefined && { "content-security-policy": policy }),
        });
        answer.end(html);
    };
    front = await startFront(text, answer);
    browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
    });
    shown = await browser.newPage({ viewport: { width: 1000, height: 500 } });
});
afterAll(async () => {
    await browser?.close();
    await front?.stop();
});

const open = (path: string, base = front.url) => shown.goto(`${base}${path}`);

/** Colour of one pixel of what is on the screen, as CSS writes it. */
async function colourAt(x: number, y: number): Promise<string> {
    const png = await shown.screenshot({ clip: { x, y, width: 1, height: 1 } });
    const at = png.indexOf("IDAT");
    const row = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)), {
        finishFlush: constants.Z_SYNC_FLUSH,
    });
    return `#${row.subarray(1, 4).toString("hex")}`;
}

/** Height of the bar above the body. */
const height = () =>
    shown.evaluate(() => {
        const { height, paddingTop, paddingBottom, borderBottomWidth } = getComputedStyle(
            document.documentElement,
            "::before",
        );
        const parts = [height, paddingTop, paddingBottom, borderBottomWidth];
        return Math.floor(parts.reduce((sum, part) => sum + parseFloat(part), 0));
    });

/** How far down the body begins. */
const top = () => shown.evaluate(() => document.body.getBoundingClientRect().top);

/** Where everything stands in the body. */
const layout = () =>
    shown.evaluate(() => {
        const { left, top } = document.body.getBoundingClientRect();
        return [...document.querySelectorAll("header, main, h1, p")].map((element) => {
            const box = element.getBoundingClientRect();
            return [box.left - left, box.top - top, box.width, box.height];
        });
    });

const withSheet = Object.keys(pages).filter((path) => path !== "/nothing");

it.each(withSheet)("%s has the bar above its body, across the window", async (path) => {
    await open(path);
    for (const x of [2, 500, 990]) {
        expect(await colourAt(x, 3)).toBe(bannerColours.background);
    }
    const bar = await height();
    expect(bar).toBeGreaterThan(20);
    expect(await top()).toBeGreaterThanOrEqual(bar);
});

it.each(["/", "/row", "/grid", "/no-tags"])("%s is laid out as without it", async (path) => {
    await open(path);
    const with_ = await layout();
    const { port } = front.application.address() as AddressInfo;
    await open(path, `http://127.0.0.1:${port}`);
    expect(await shown.locator("#understudy-bar").count()).toBe(0);
    expect(with_).toEqual(await layout());
});

it.each(["/", "/no-tags", "/own", "/nothing", "/script"])("%s says it first to those who listen", async (path) => {
    await open(path);
    const first = shown.locator("body > :first-child");
    expect(await first.textContent()).toBe(text);
    expect(await first.ariaSnapshot()).toMatch(/^- complementary "About this copy"/);
});

it.each(["/", "/own", "/nothing"])("%s has nothing for axe to object to", async (path) => {
    await open(path);
    const { violations } = await shown.evaluate<AxeResults>(`${axe}; axe.run()`);
    expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
});

it("shows the bar in the body where a policy lets no style sheet in", async () => {
    await open("/nothing");
    const box = await shown.locator("#understudy-bar table").boundingBox();
    expect(await colourAt(box?.x ?? 0, (box?.y ?? 0) + 3)).toBe(bannerColours.background);
    expect(box?.width).toBeGreaterThan(950);
    const main = await shown.locator("main").boundingBox();
    expect(main?.y).toBeGreaterThan((box?.y ?? 0) + (box?.height ?? 0));
});

it("lets no page change how it looks", async () => {
    await open("/hostile");
    const look = await shown.evaluate(() => {
        const { color, fontSize, display } = getComputedStyle(document.documentElement, "::before");
        return { color, fontSize, display };
    });
    expect(look).toEqual({ color: "rgb(31, 19, 0)", fontSize: "13px", display: "block" });
});

it("leaves scripts and the attributes of the body alone", async () => {
    await open("/script");
    await expect.poll(() => shown.title()).toBe(`${"</head><body>".length} loaded`);
});

it("stays when a script makes the body anew", async () => {
    await open("/replaced");
    expect(await shown.locator("body").innerText()).toBe("Made anew");
    expect(await colourAt(500, 3)).toBe(bannerColours.background);
});

it("is there once where a page holds another", async () => {
    await open("/framing");
    expect(await shown.frameLocator("iframe").locator("h1").innerText()).toBe("Shelves");
    expect(await shown.frameLocator("iframe").locator("#understudy-bar").count()).toBe(0);
});

it("lets clicks through to what lies under it", async () => {
    await open("/nailed");
    const under = await shown.evaluate(() => document.elementFromPoint(500, 5)?.id);
    expect(under).toBe("top");
});

it("becomes as high as a narrow window needs", async () => {
    await open("/");
    const wide = await height();
    await shown.setViewportSize({ width: 320, height: 500 });
    const [narrow, body] = [await height(), await top()];
    await shown.setViewportSize({ width: 1000, height: 500 });
    expect(narrow).toBeGreaterThan(2 * wide);
    expect(body).toBeGreaterThanOrEqual(narrow);
});

it("is all that a browser finds otherwise in a page, however that is written", async () => {
    const head = ["<!doctype html>", "<html lang=en>", "<head>", "</head>", "<title>a<b</title>", "<meta content='>'>"];
    const raw = [
        "<script>'</head><body>'</script>",
        "<style>p > a {}</style>",
        "<!-- <body> -->",
        "<noscript><meta></noscript>",
    ];
    const body = [
        "<body class=a>",
        "<body id='b>'>",
        "text",
        "<p>",
        "</p>",
        "</body>",
        "</html>",
        "<textarea>",
        " ",
        "\n",
    ];
    const written = fc.sample(fc.array(fc.constantFrom(...head, ...raw, ...body), { maxLength: 12 }), 2000);
    const markup = {
        head: '<html data-understudy-bar="x"><link rel="x">',
        body: '<aside id="understudy-bar">x</aside>',
    };
    const pages = written.map((parts) => {
        const plain = parts.join("");
        const sent = filter.advance(filter.begin(true), Buffer.from(plain), true, markup);
        return { plain, barred: Buffer.concat(sent).toString() };
    });
    await open("/");
    const others = await shown.evaluate((pages) => {
        const parse = (html: string) => new DOMParser().parseFromString(html, "text/html");
        return pages.filter(({ plain, barred }) => {
            const found = parse(barred);
            const bars = found.querySelectorAll("body > #understudy-bar:first-child, head > link");
            for (const bar of bars) {
                bar.remove();
            }
            found.documentElement.removeAttribute("data-understudy-bar");
            return bars.length !== 2 || found.documentElement.outerHTML !== parse(plain).documentElement.outerHTML;
        });
    }, pages);
    expect(others).toEqual([]);
});

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writePage } from "../../cli/page";
import { hostile, hostileReplica, now, standings } from "./standings";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(path.join(tmpdir(), "understudy-page-"));
const shown = [...standings, hostileReplica(hostile)];

let browser: Browser;
beforeAll(async () => {
    await writePage(folder, shown, now);
    browser = await chromium.launch({
        executablePath: "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
    });
});
afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
});

/** The page in a window of its own, with what the browser had to say about it. */
async function open(options: BrowserContextOptions): Promise<{ page: Page; said: string[]; asked: string[] }> {
    const page = await browser.newPage(options);
    const [said, asked]: string[][] = [[], []];
    page.on("console", (message) => said?.push(message.text()));
    page.on("pageerror", (error) => said?.push(String(error)));
    page.on("dialog", (dialog) => said?.push(dialog.message()));
    page.on("request", (request) => asked?.push(request.url()));
    await page.goto(`file://${folder}/index.html`);
    return { page, said: said ?? [], asked: asked ?? [] };
}

/** Draws the plots of the first stack, and opens every table. */
async function unfold(page: Page): Promise<void> {
    await page.locator("#stack-demo .plots").scrollIntoViewIfNeeded();
    await page.locator("#stack-demo canvas").first().waitFor();
    await page.evaluate(() => {
        for (const details of document.querySelectorAll("details")) {
            details.open = true;
        }
    });
}

/** The colours of a plot's pixels, by how many there are. */
const coloursIn = (page: Page) =>
    page.evaluate(() => {
        const canvas = document.querySelector("#stack-demo canvas") as HTMLCanvasElement;
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        const opaque = Array.from({ length: data.length / 4 }, (_, at) => [...data.slice(4 * at, 4 * at + 4)]);
        return opaque.filter(([, , , alpha]) => alpha === 255).map((rgb) => rgb.slice(0, 3).join());
    });

describe.each(["light", "dark"] as const)("the page in %s", (colorScheme) => {
    it.each([360, 1280])("has nothing for axe to object to, and fits, at %d pixels", async (width) => {
        const { page, said, asked } = await open({ viewport: { width, height: 800 }, colorScheme });
        await unfold(page);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        const { violations } = await page.evaluate<AxeResults>(`${axe}; axe.run()`);
        expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))).toEqual([]);
        expect(said).toEqual([]);
        expect(asked).toEqual([`file://${folder}/index.html`]);
        await page.close();
    });

    it("has plots in colours that can be seen on it", async () => {
        const { page } = await open({ viewport: { width: 1280, height: 800 }, colorScheme });
        await unfold(page);
        expect(await page.locator("#stack-demo figcaption").allTextContents()).toEqual([
            "Age of the backup when it became live, hours",
            "Refresh time, seconds",
            "Time away, milliseconds",
            "Size of the database, MiB",
            "Size of the media, MiB",
        ]);
        expect(await coloursIn(page)).toContain(colorScheme === "light" ? "5,80,174" : "121,184,255");
        await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light" });
        await expect.poll(() => coloursIn(page)).toContain(colorScheme === "light" ? "121,184,255" : "5,80,174");
        expect(await page.locator("#stack-dev-new .plots").isHidden()).toBe(true);
        await page.close();
    });
});

describe("without JavaScript", () => {
    let page: Page;
    beforeAll(async () => {
        ({ page } = await open({ javaScriptEnabled: false }));
    });

    it("every figure is in the tables, and no place is kept for plots", async () => {
        for (const { stack, history, stands } of standings) {
            const rows = page.locator(`#stack-${stack} details tbody tr`);
            expect(await rows.count(), stack).toBe(history.length);
            expect(await page.locator(`#stack-${stack} .facts`).count()).toBe(1);
            expect(await page.locator(`#stack-${stack} .facts`).textContent()).toContain(
                stands === true ? "417,873 rows".slice(stack === "dev-new" ? 7 : 0) : "State",
            );
        }
        expect(await page.locator("#stack-demo details tbody tr").first().locator("td, th").allTextContents()).toEqual([
            ...["2026-11-22 06:50 UTC", "2026-11-22 05:04 UTC", "1 h 46 min", "2 min 43 s", "12 ms"],
            ...["417,873", "86.4 MiB", "4,258", "8.7 MiB"],
        ]);
        expect(await page.locator(".plots:visible").count()).toBe(0);
    });

    it("the details of a stack open", async () => {
        const table = page.locator("#stack-demo details table");
        expect(await table.isVisible()).toBe(false);
        await page.locator("#stack-demo summary").click();
        expect(await table.isVisible()).toBe(true);
    });

    it("says what is to be known, and why a stack cannot be read", async () => {
        const line = (stack: string) =>
            page.locator(".overview tr", { hasText: stack }).locator("td").allTextContents();
        expect(await line("dev-alan")).toEqual(["live", "1 d", "held, stale, expired, newer backup, other tag"]);
        expect(await line("out-of-reach")).toEqual(["cannot be read", "–", ""]);
        expect(await page.locator("#stack-out-of-reach li").textContent()).toContain("no answer within 10 s");
    });

    it("a text that looks like markup is a text", async () => {
        expect(await page.locator("img").count()).toBe(0);
        const hold = await page.locator("section").last().locator("li").textContent();
        expect(hold).toBe(hostile.replace(/[\u202e]|\0/g, "\ufffd"));
    });
});

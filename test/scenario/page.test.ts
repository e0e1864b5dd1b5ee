import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStage, type Stage } from "./stage";

describe("the replica's page, in a browser", () => {
    let stage: Stage;
    let browser: Browser;
    beforeAll(async () => {
        stage = await openStage();
        const { status, output } = await stage.up();
        expect(status, output).toBe(0);
        browser = await chromium.launch({
            executablePath: "/usr/bin/chromium",
            // It runs as root in a throw-away environment, and has nothing to look up anywhere else.
            args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        });
    });
    afterAll(() => browser.close());

    it("shows production's rows and pictures, and says that it is a replica", async () => {
        const address = `http://${stage.cluster.address}:30080/`;
        // The node's port follows the Service a moment later.
        const answer = () =>
            fetch(address).then(
                ({ status }) => status,
                () => 0,
            );
        await expect.poll(answer, { timeout: 300_000 }).toBe(200);
        const page = await browser.newPage();
        await page.goto(`http://${stage.cluster.address}:30080/`);
        expect(await page.title()).toMatch(/replica/i);
        expect(await page.locator("#understudy-bar").innerText()).toMatch(
            /^Copy of production: \w+ · data of [-0-9]{10} [0-9:]{5} UTC · files copied .* · image tag 1\.0$/,
        );
        const above = await page.evaluate(() => getComputedStyle(document.documentElement, "::before").display);
        expect(above).toBe("block");
        await page.goto(`http://${stage.cluster.address}:30080/?q=postgresql`);
        expect(await page.getByText("postgresql").count()).toBeGreaterThan(0);
        // Pictures further down are only fetched when somebody scrolls there.
        const picture = page.locator('img[width="64"]').first();
        const width = () => picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
        await expect.poll(width, { timeout: 120_000 }).toBeGreaterThan(0);
    });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { html } from "../../demo/application/html";
import { layout } from "../../demo/application/pages/layout";
import { count, packageAddress, pictureAddress, size } from "../../demo/application/pages/wording";
import { settingsFrom } from "../../demo/application/settings";

const production = { MEDIA_ROOT: "/media" };
const replica = { ...production, UNDERSTUDY_STACK: "shop/staging" };

function document(environment: NodeJS.ProcessEnv): string {
    return layout({ title: "Packages", body: html`<p>Body</p>`, replica: settingsFrom(environment).replica }).markup;
}

test("no value can bring markup of its own into a page", () => {
    fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom("<", ">", "&", '"', "'", "a", "\\") }), (text) => {
            const { markup } = html`<p title="${text}">${[text, html`<b>${text}</b>`]}</p>`;
            const tags = markup.match(/<\/?[a-z]/g);
            expect(tags).toEqual(["<p", "<b", "</b", "</p"]);
            expect(markup.split('"')).toHaveLength(3);
            expect(markup).not.toContain("'");
        }),
    );
});

test("a replica has colours and a title of its own; production has neither", () => {
    const page = document(replica);
    expect(page).toContain('data-environment="replica"');
    expect(page).toMatch(/<title>\[Replica shop\/staging\] Packages/);
    expect(document(production)).toContain('data-environment="production"');
    expect(document(production)).not.toMatch(/replica/i);
});

test("a replica passes on what its people should know, as text", () => {
    const words = { UNDERSTUDY_WARNING: "Wiped on <Fridays>", UNDERSTUDY_SEE_ALSO: "other & larger" };
    const page = document({ ...replica, ...words });
    expect(page).toContain("<strong>Wiped on &lt;Fridays&gt;</strong>");
    expect(page).toContain("see also <b>other &amp; larger</b>");
    expect(document({ ...production, ...words })).not.toMatch(/Fridays|larger/);
});

test("a replica that has nothing to tell has no notice", () => {
    expect(document({ ...replica, UNDERSTUDY_SEE_ALSO: "" })).not.toMatch(/<aside|see also|undefined/);
});

test("the mail server that the environment names takes the place of the database's", () => {
    expect(settingsFrom({ ...production, SMTP_HOST: "mail", SMTP_PORT: "1025" }).mailServer).toEqual({
        host: "mail",
        port: 1025,
    });
    expect(settingsFrom({ ...production, SMTP_HOST: "" }).mailServer).toBeUndefined();
});

test("a setting that is missing or wrong is named", () => {
    expect(() => settingsFrom({})).toThrow("MEDIA_ROOT is not set");
    expect(() => settingsFrom({ ...production, PORT: "http" })).toThrow('PORT is "http"');
});

test("sizes and counts are put in words", () => {
    expect([0, 999, 1000, 7_891_488, 123_456_789, 2_000_000_000].map(size)).toEqual([
        ...["0 bytes", "999 bytes", "1.0 kB", "7.9 MB", "123 MB", "2.0 GB"],
    ]);
    expect(count(63_666)).toBe("63,666");
});

test("names and paths survive their way through an address", () => {
    expect(packageAddress("g++")).toBe("/packages/g%2B%2B");
    expect(pictureAddress("uploads/a b#c.png")).toBe("/media/uploads/a%20b%23c.png");
});

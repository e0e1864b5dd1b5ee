import fc from "fast-check";
import { describe, expect, it } from "vitest";
import filter, { type Bar } from "../../banner/filter";
import { bannerText } from "../../components/banner";
import { bannerColours, bannerConfiguration } from "../../components/banner-configuration";
import type { Live } from "../../contract/event";

const bar: Bar = { head: "[head]", body: "[body]" };

/** A page as nginx sends it on, when it comes in these pieces. */
function through(pieces: Buffer[], isDocument = false): string {
    const page = filter.begin(isDocument);
    const sent = pieces.flatMap((piece, at) =>
        page.isDone ? [piece] : filter.advance(page, piece, at === pieces.length - 1, bar),
    );
    return Buffer.concat(sent).toString();
}
const whole = (html: string, isDocument = false) => through([Buffer.from(html)], isDocument);

describe("the bar in a page", () => {
    it.each([
        ["after the tag of the body", '<!doctype html><html><head></head><body class="a>b">|<p>x'],
        ["whatever case and quotes it has", "<HTML><HEAD><META content='>' /></HEAD>\n<BODY\nID=a'b>|x"],
        ["where no tag says that the body begins", "<!doctype html><title>x</title>|<h1>x</h1>"],
        ["before text", "<!DOCTYPE html>\n\n|Not found"],
        ["behind the end of a head without a body", "<head></head>\n|<p>x"],
        ["not in a script", '<html><script>"</head><body>"</script><body>|'],
        ["not in a comment", "<html><!--[if IE]><body class=ie><![endif]--><!--><body>|x"],
        [
            "not in a title, a style or what is for browsers without scripts",
            "<html><title><body></title><style><body></style><noscript><body></noscript><body>|",
        ],
        ["behind a mark of the byte order", "\ufeff<!doctype html><body>|x"],
        ["at the end of a page without a body", "<html><head></head>|</html>"],
        ["at the end of a page that ends in its head", "<html><head><meta a=b>\n|"],
    ])("stands %s", (_, html) => {
        const [before = "", after = ""] = html.split("|");
        const tag = /<body[^<]*$/i.exec(before)?.[0] ?? "";
        const head = before.slice(0, before.length - tag.length);
        expect(whole(before + after)).toBe(`${head}[head]${tag}[body]${after}`);
    });

    it.each([
        ["a piece that a script asks for", "<li>One</li>"],
        ["a piece with a comment", "<!-- list --> <li>One</li>"],
        ["nothing", ""],
        ["a page of frames", "<html><head></head><frameset><frame src=a></frameset></html>"],
        ["a tag without end", `<html ${"a ".repeat(40_000)}`],
        ["UTF-16", Buffer.from("<!doctype html><body>", "utf16le").toString("latin1")],
    ])("is not in %s", (_, html) => {
        expect(whole(html)).toBe(html);
    });

    it("is in a piece of one that a browser shows as a page", () => {
        expect(whole("<li>One</li>", true)).toBe("[head][body]<li>One</li>");
    });

    it("is at the same place however the page comes", () => {
        const parts = ["<!doctype html>", "<html>", "<head>", "<title>ä</title>", "<script>a<b</script>", "<!-- x -->"];
        const rest = ["</head>", "<body a='>'>", "text", "<p>", "</p>", " ", "<", "é", "\ufeff", '<meta content="x">'];
        fc.assert(
            fc.property(
                fc.array(fc.constantFrom(...parts, ...rest)),
                fc.array(fc.nat({ max: 200 })),
                fc.boolean(),
                (words, cuts, isDocument) => {
                    const page = Buffer.from(words.join(""));
                    const ends = [...cuts.map((cut) => cut % (page.length + 1)).sort((a, b) => a - b), page.length];
                    const pieces = ends.map((end, at) => page.subarray(ends[at - 1] ?? 0, end));
                    const sent = through(pieces, isDocument);
                    expect(sent).toBe(whole(page.toString(), isDocument));
                    expect(sent.replace("[head]", "").replace("[body]", "")).toBe(page.toString());
                },
            ),
            { numRuns: 1000 },
        );
    });

    it("holds nothing back of a page that it has not begun in", () => {
        const page = filter.begin(false);
        const sent = (text: string) => Buffer.concat(filter.advance(page, Buffer.from(text), false, bar)).toString();
        expect(sent("<html><head><link href=a><scr")).toBe("<html><head><link href=a>");
        expect(sent("ipt>let long = 1;")).toBe("<script>let lo");
        expect(sent("\n</script><bo")).toBe("ng = 1;\n</script>");
        expect(sent("dy><p>")).toBe("[head]<body>[body]<p>");
        const endless = filter.begin(true);
        const tag = Buffer.from(`<html ${"a ".repeat(40_000)}`);
        expect(filter.advance(endless, tag, false, bar)).toEqual([tag]);
        expect(endless.isDone).toBe(true);
    });
});

describe("what the bar says", () => {
    const live = (stamp: string | null, media: object) =>
        ({
            database: { report: stamp && { stamp } },
            media: { completed: null, report: null, ...media },
        }) as unknown as Live;
    const said = (known: Live | undefined, contact?: string) =>
        bannerText({ stack: "understudy/staging", imageTag: "1.0", contact, live: known });

    it("is whose copy it is, from when, in which version, and whom to ask", () => {
        const published = live("2026-11-20T02:04:01Z", {
            completed: "2026-11-20T05:00:00.000Z",
            report: { published: "2026-11-19T02:30:59.123Z" },
        });
        expect(said(published, "#data")).toBe(
            "Copy of production: staging · data of 2026-11-20 02:04 UTC · files of 2026-11-19 02:30 UTC · image tag 1.0 · ask #data",
        );
    });

    it("is when files were copied, where production does not say from when they are", () => {
        const copied = live("2026-11-20T02:04:01Z", { completed: "2026-11-20T05:00:00.000Z" });
        expect(said(copied)).toMatch(
            /data of 2026-11-20 02:04 UTC · files copied 2026-11-20 05:00 UTC · image tag 1.0$/,
        );
    });

    it("is no time that nobody knows", () => {
        expect(said(undefined)).toBe("Copy of production: staging · image tag 1.0");
        expect(said(live(null, {}))).toBe("Copy of production: staging · image tag 1.0");
    });

    it("stays a text, whatever its letters are and whatever the page's character set is", () => {
        const written = `<b class="x">'&' \${a} ä 😀</b>\n`;
        const { "filter.js": program = "" } = bannerConfiguration({ text: written, port: 1, applicationPort: 2 });
        const markup = JSON.parse(/^const bar = (.*);$/m.exec(program)?.[1] ?? "") as Bar;
        const [, attribute = "", body = ""] =
            /bar="([^"]*)">.*<font color="[^"]*">(.*?)<\/font>/s.exec(markup.head + markup.body) ?? [];
        expect(attribute).toBe(body);
        expect(attribute).toMatch(/^[ -~]*$/);
        expect(attribute).not.toMatch(/[<>"']/);
        expect(attribute.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))).toBe(written);
    });

    it("can be read by everybody", () => {
        const luminance = (colour: string) => {
            const [red = 0, green = 0, blue = 0] = [1, 3, 5]
                .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
                .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const contrast = (luminance(bannerColours.background) + 0.05) / (luminance(bannerColours.text) + 0.05);
        expect(contrast).toBeGreaterThan(7);
    });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rewriter } from "../../agent/neutral/identity/value";
import { patternsOf, type RewriteRule, rewriteText } from "../../contract/rewrite";
import { serialised } from "./php";

const rules: RewriteRule[] = [
    { from: "shop.example.org", to: "shop.staging.example.org" },
    { from: "https://shop.example.org", to: "http://localhost:8080" },
    { from: "https://example.org/shop", to: "https://staging.example.org/shop-copy" },
    { from: "/srv/shop.d/data", to: "/srv/staging/data/current" },
];
const plain = (text: string) => rewriteText(text, patternsOf(rules));
const rewriter = new Rewriter(patternsOf(rules), true);
const rewrite = (text: string, form: "plain" | "quoted" = "plain") =>
    rewriter.rewrite(Buffer.from(text), form).toString();

describe("text", () => {
    it.each([
        ["a host", "shop.example.org", "shop.staging.example.org"],
        ["a host in capitals", "Shop.Example.ORG", "shop.staging.example.org"],
        ["a host at a sentence's end", "See shop.example.org.", "See shop.staging.example.org."],
        ["a host with a port", "shop.example.org:81", "shop.staging.example.org:81"],
        ["an address of mail", "ann@shop.example.org", "ann@shop.staging.example.org"],
        ["a cookie's domain", ".shop.example.org", ".shop.staging.example.org"],
        ["an address", "https://shop.example.org/a?b", "http://localhost:8080/a?b"],
        ["an address alone", "https://shop.example.org", "http://localhost:8080"],
        ["an address in quotes", '<a href="https://shop.example.org">', '<a href="http://localhost:8080">'],
        ["an address of another scheme", "ftp://shop.example.org/", "ftp://shop.staging.example.org/"],
        ["an address with a path", "https://example.org/shop?x", "https://staging.example.org/shop-copy?x"],
        [
            "escaped slashes",
            String.raw`https:\/\/example.org\/shop\/1`,
            String.raw`https:\/\/staging.example.org\/shop-copy\/1`,
        ],
        [
            "slashes by number",
            String.raw`https:\u002f\u002fshop.example.org`,
            String.raw`http:\u002f\u002flocalhost:8080`,
        ],
        ["an address in an address", "?to=https%3A%2F%2Fshop.example.org%2Fx", "?to=http%3A%2F%2Flocalhost:8080%2Fx"],
        ["a host after an escape", String.raw`a\nshop.example.org`, String.raw`a\nshop.staging.example.org`],
        ["an address after an escape", String.raw`a\nhttps://shop.example.org`, String.raw`a\nhttp://localhost:8080`],
        ["a folder", "/srv/shop.d/data", "/srv/staging/data/current"],
        ["a folder with what is below it", "'/srv/shop.d/data/1/a.png'", "'/srv/staging/data/current/1/a.png'"],
        ["a folder at a sentence's end", "It is in /srv/shop.d/data.", "It is in /srv/staging/data/current."],
        ["a folder as an address", "file:///srv/shop.d/data/1", "file:///srv/staging/data/current/1"],
        [
            "a folder with escaped slashes",
            String.raw`"\/srv\/shop.d\/data\/1"`,
            String.raw`"\/srv\/staging\/data\/current\/1"`,
        ],
        ["several", "shop.example.org,shop.example.org", "shop.staging.example.org,shop.staging.example.org"],
    ])("is rewritten at %s", (_, from, to) => {
        expect(plain(from)).toBe(to);
        expect(plain(to)).toBe(to);
    });

    it.each([
        ...["myshop.example.org", "my-shop.example.org", "www.shop.example.org", "shop.example.organic"],
        ...["shop.example.org.uk", "shop.example.org-old", "shopXexample.org", "https://example.org/shopping"],
        ...["https://example.org/shop.html", "example.org"],
        ...["/mnt/srv/shop.d/data", "/srv/shop.d/database", "/srv/shop.d/data.old", "/srv/shopxd/data", "/srv/shop.d"],
        ...["https://cdn.example.com/srv/shop.d/data", "../srv/shop.d/data"],
    ])("stays: %s", (text) => expect(plain(text)).toBe(text));

    it("keeps a port where the new address has one of its own by rewriting the host alone", () => {
        expect(plain("https://shop.example.org:8443/")).toBe("https://shop.staging.example.org:8443/");
    });
});

describe("what PHP has serialised", () => {
    it.each([
        ["a text", 's:19:"ä shop.example.org";', 's:27:"ä shop.staging.example.org";'],
        [
            "a text in an array, with others",
            'a:2:{i:0;s:16:"shop.example.org";s:1:"k";i:1;}',
            'a:2:{i:0;s:24:"shop.staging.example.org";s:1:"k";i:1;}',
        ],
        [
            "a key and an object's property, with references",
            'O:8:"stdClass":2:{s:16:"shop.example.org";i:1;s:1:"b";R:2;}',
            'O:8:"stdClass":2:{s:24:"shop.staging.example.org";i:1;s:1:"b";R:2;}',
        ],
        ["serialised in serialised", 's:24:"s:16:"shop.example.org";";', 's:32:"s:24:"shop.staging.example.org";";'],
        [
            "in a session",
            'cart|a:0:{}home|s:16:"shop.example.org";',
            'cart|a:0:{}home|s:24:"shop.staging.example.org";',
        ],
        [
            "in JSON",
            String.raw`{"a":"s:16:\"shop.example.org\";","n":1.0}`,
            String.raw`{"a":"s:24:\"shop.staging.example.org\";","n":1.0}`,
        ],
        ["JSON in it", 's:24:"{"u":"shop.example.org"}";', 's:32:"{"u":"shop.staging.example.org"}";'],
        ["with a wrong length, as text", 's:9:"shop.example.org";', 's:9:"shop.staging.example.org";'],
        ["cut off, as text", 'a:1:{i:0;s:16:"shop.example.org', 'a:1:{i:0;s:16:"shop.staging.example.org'],
    ])("gets its lengths: %s", (_, from, to) => {
        expect(rewrite(from)).toBe(to);
    });

    it("is given its length in an object that writes itself", () => {
        const payload = (text: string) => `x:i:0;a:1:{i:0;s:${text.length}:"${text}";};m:a:0:{}`;
        const object = (text: string) => `C:11:"ArrayObject":${payload(text).length}:{${payload(text)}}`;
        expect(rewrite(object("shop.example.org"))).toBe(object("shop.staging.example.org"));
    });

    it("is counted in bytes of the database's encoding", () => {
        const latin1 = new Rewriter(patternsOf(rules), false);
        const from = Buffer.from('s:18:"ä shop.example.org";', "latin1");
        expect(latin1.rewrite(from, "plain").toString("latin1")).toBe('s:26:"ä shop.staging.example.org";');
    });

    it("that is deeper than anybody writes is refused", () => {
        let value = "shop.example.org";
        for (let depth = 0; depth < 102; depth++) {
            value = `s:${value.length}:"${value}";`;
        }
        expect(() => rewrite(value)).toThrow(/holds values in values, more than 100 deep: .* identity\.except/);
    });
});

describe("JSON", () => {
    it.each([
        [
            "escaped in any way",
            String.raw`{"\u0073hop.example.org":["https:\/\/shop\u002eexample.org\/"]}`,
            String.raw`{"shop.staging.example.org":["http:\/\/localhost:8080\/"]}`,
        ],
        [
            "in JSON",
            String.raw`{"a":"{\"b\":\"shop\\u002eexample.org\"}"}`,
            String.raw`{"a":"{\"b\":\"shop\\u002estaging\\u002eexample\\u002eorg\"}"}`,
        ],
        [
            "of ASCII alone, which it stays",
            String.raw`["caf\u00e9 shop.example.org"]`,
            String.raw`["caf\u00e9 shop.staging.example.org"]`,
        ],
        [
            "with numbers and spaces, which stay",
            '{ "n": 12345678901234567890.10,  "a": "shop.example.org" }',
            '{ "n": 12345678901234567890.10,  "a": "shop.staging.example.org" }',
        ],
        [
            "with half a character",
            String.raw`["\ud800 shop.example.org"]`,
            String.raw`["\ud800 shop.staging.example.org"]`,
        ],
    ])("is rewritten: %s", (_, from, to) => expect(rewrite(from)).toBe(to));

    it("that holds nothing of it stays, byte for byte", () => {
        const text = String.raw`{"a" : "\u0041\/", "b":1e5}`;
        expect(rewrite(text)).toBe(text);
    });
});

describe("items of an array", () => {
    it("are rewritten, in quotes and without", () => {
        expect(rewrite('{shop.example.org,"s:16:\\"shop.example.org\\";",NULL,"a b"}', "quoted")).toBe(
            '{shop.staging.example.org,"s:24:\\"shop.staging.example.org\\";",NULL,"a b"}',
        );
    });
});

/** A value with the host in it, and the same one as it is to become. */
type Pair = { before: string; after: string };

const words = fc.array(
    fc.oneof(
        { weight: 1, arbitrary: fc.constant({ before: " shop.example.org ", after: " shop.staging.example.org " }) },
        {
            weight: 2,
            arbitrary: fc
                .string({ unit: "binary", maxLength: 8 })
                .map((text) => ({ before: ` ${text} `, after: ` ${text} ` })),
        },
    ),
);
const text = words.map(
    (all): Pair => ({
        before: all.map(({ before }) => before).join(""),
        after: all.map(({ after }) => after).join(""),
    }),
);
const both = (pair: Pair, wrap: (text: string) => string): Pair => ({
    before: wrap(pair.before),
    after: wrap(pair.after),
});
const nested = fc.letrec<{ value: Pair }>((tie) => ({
    value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        text,
        tie("value").map((inner) => both(inner, serialised)),
        fc.array(tie("value"), { maxLength: 3 }).map((all) => ({
            before: serialised(all.map(({ before }) => before)),
            after: serialised(all.map(({ after }) => after)),
        })),
        tie("value").map((inner) => both(inner, (text) => JSON.stringify({ "a/b": text, n: 1 }))),
        tie("value").map((inner) => both(inner, (text) => JSON.stringify([text]))),
    ),
})).value;

describe("any nesting of serialised PHP and JSON", () => {
    it("becomes what the same nesting of the rewritten text is", () => {
        const hosts = new Rewriter(patternsOf([rules[0] as RewriteRule]), true);
        fc.assert(
            fc.property(nested, ({ before, after }) => {
                expect(hosts.rewrite(Buffer.from(before), "plain").toString()).toBe(after);
                expect(hosts.rewrite(Buffer.from(after), "plain").toString()).toBe(after);
            }),
            { numRuns: 500 },
        );
    });
});

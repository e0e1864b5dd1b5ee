import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exposureObjections, exposureWarnings, holds, mentions } from "../../preflight/exposure";
import { parseSettings } from "../../settings";
import type { Belongings } from "../../sighting/belongings";
import { type Fingerprint, fingerprintOf, heldIn } from "../../sighting/fingerprint";

const fingerprint = (value: string, secret = "s", key = "k") => fingerprintOf(secret, key, value) as Fingerprint;

describe("the value of a Secret", () => {
    const password = fingerprint("s3cret:p@ss word");

    it("is not kept, and the line's end behind it does not count", () => {
        expect(JSON.stringify(password)).not.toContain("s3cret");
        expect(fingerprint("s3cret:p@ss word\n")).toEqual(password);
    });

    it("is found as a whole text, and as a part of an address or of a list, percent-encoded too", () => {
        for (const text of [
            "s3cret:p@ss word",
            "host=db password=s3cret:p@ss word;user=x",
            `postgres://shop:${encodeURIComponent("s3cret:p@ss word")}@db/shop`,
        ]) {
            expect(heldIn(text, [fingerprint("something else"), password]), text).toBe(password);
        }
    });

    it("is not found in longer words, nor if it is short enough to be there by chance", () => {
        const catalogue = fingerprint("catalogue");
        for (const text of ["catalogues", "my-catalogue", "catalogue.replica.svc", "the_catalogue"]) {
            expect(heldIn(text, [catalogue]), text).toBeUndefined();
        }
        expect(fingerprintOf("s", "k", "1234567")).toBeUndefined();
        expect(fingerprintOf("s", "k", "12345678")).toBeDefined();
    });

    it("is found wherever it stands alone, whatever it is", () => {
        const texts = fc.string({ minLength: 8, unit: "grapheme" }).filter((text) => text.trim().length >= 8);
        fc.assert(
            fc.property(texts, fc.constantFrom("@", " ", "=", "/"), (value, edge) => {
                const one = fingerprint(value);
                expect(heldIn(`a${edge}${value.trim()}${edge}b`, [one])).toBe(one);
                expect(heldIn(encodeURIComponent(value.trim()), [one])).toBeDefined();
            }),
        );
    });
});

describe("a text", () => {
    const service = { value: "db.production", is: "Service db", below: true };
    const host = { value: "shop.example.org", is: "a host" };
    const address = { value: "10.0.0.7", is: "an address" };

    it.each([
        ["postgres://db.production:5432/shop", service],
        ["DB.PRODUCTION", service],
        ["db-0.db.production", service],
        ["https://shop.example.org/x", host],
        ["shop.example.org.", host],
        ["tcp://10.0.0.7:25", address],
    ])("names, as %j, production's host", (text, belonging) => {
        expect(mentions(text, belonging)).toBe(true);
    });

    it.each([
        ["db.production.example.org", service],
        ["mydb.production", service],
        ["db.production-2", service],
        ["dbxproduction", service],
        ["staging.shop.example.org", host],
        ["shop.example.organic", host],
        ["110.0.0.7", address],
        ["10.0.0.71", address],
        ["10.0.0.7.5", address],
    ])("names, as %j, another host", (text, belonging) => {
        expect(mentions(text, belonging)).toBe(false);
    });
});

describe("a range of addresses", () => {
    it("holds what it says, of its own family alone", () => {
        expect(holds("10.1.0.0/16", "10.1.255.255")).toBe(true);
        expect(holds("10.1.0.0/16", "10.2.0.0")).toBe(false);
        expect(holds("2001:db8::/32", "2001:db8::5")).toBe(true);
        expect(holds("::/0", "10.1.0.1")).toBe(false);
        expect(holds("10.0.0.0/8", "shop.example.org")).toBe(false);
    });
});

describe("before an update", () => {
    const belongings: Belongings = {
        hosts: [
            { value: "db.production.svc", is: "Service db of production's namespace", below: true },
            { value: "shop.example.org", is: "a host of Ingress shop of production's namespace" },
        ],
        addresses: [{ value: "10.0.0.7", is: "the address of Service db of production's namespace" }],
        secrets: [fingerprint("smtp-s3cret", "mail", "smtp")],
        borrowed: [],
        unknown: [],
    };
    const settingsOf = (application: object, isolation: object = {}, { database = {} } = {}) =>
        parseSettings(
            {
                "understudy:source": JSON.stringify({ database: { hostPath: "/a" }, media: { hostPath: "/b" } }),
                "understudy:target": JSON.stringify({ context: "here", namespace: "replica" }),
                "understudy:image": "shop",
                "understudy:imageTag": "1",
                "understudy:database": JSON.stringify({
                    ...{ name: "catalogue", owner: "shop", volume: "1Gi" },
                    ...database,
                }),
                "understudy:media": JSON.stringify({ volume: "1Gi" }),
                "understudy:application": JSON.stringify({ mediaPath: "/media", ...application }),
                "understudy:isolation": JSON.stringify(isolation),
            },
            "understudy",
            "staging",
        );
    const objections = (application: object, isolation?: object) =>
        exposureObjections(settingsOf(application, isolation), { belongings });

    it("nothing speaks against what is the replica's own, nor against telling people where production is", () => {
        const environment = {
            DATABASE: "catalogue",
            URL: "https://staging.shop.example.org",
            BROKER: "redis://$(REDIS_HOST)",
        };
        const own = { environment, seeAlso: "https://shop.example.org", ingress: { host: "staging.shop.example.org" } };
        expect(objections(own, { allow: [{ cidr: "10.0.1.0/24" }], web: [{ namespace: "traefik" }] })).toEqual([]);
        expect(exposureObjections(settingsOf(own), {})).toEqual([]);
    });

    it.each([
        [
            { environment: { A: "x@db.production.svc" } },
            "application.environment.A names db.production.svc, Service db of",
        ],
        [
            { environment: { A: "https://shop.example.org/api" } },
            "application.environment.A names shop.example.org, a host of",
        ],
        [
            { environment: { A: "10.0.0.7:5432" } },
            "application.environment.A names 10.0.0.7, the address of Service db",
        ],
        [
            { environment: { A: "smtp://u:smtp-s3cret@relay" } },
            "application.environment.A holds what production's Secret mail has under smtp: ",
        ],
        [{ command: ["env", "KEY=smtp-s3cret", "run"] }, "application.command holds what production's Secret mail has"],
        [
            { workers: { w: { command: ["work", "--host=db.production.svc"] } } },
            "application.workers.w.command names db.production.svc",
        ],
        [
            { ingress: { host: "shop.example.org" } },
            "application.ingress.host is shop.example.org, a host of Ingress shop",
        ],
    ])("%j is refused, and no value is told", (application, expected) => {
        const found = objections(application);
        expect(found).toEqual([expect.stringContaining(expected)]);
        expect(found.join()).not.toContain("s3cret");
    });

    it.each(["allow", "web", "server"])("isolation.%s with an address of production's is refused", (list) => {
        expect(objections({}, { [list]: [{ cidr: "192.0.2.0/24" }, { cidr: "10.0.0.0/28" }] })).toEqual([
            `isolation.${list}.1.cidr is 10.0.0.0/28, which holds 10.0.0.7, the address of Service db of production's ` +
                "namespace: write fewer addresses, without production's.",
        ]);
    });

    it("a server that is production's is refused, by its name and by its address", () => {
        const server = (host: string) => ({
            database: { server: { host, passwordSecret: "admin" }, volume: undefined },
        });
        for (const host of ["db.production.svc", "10.0.0.7"]) {
            expect(exposureObjections(settingsOf({}, {}, server(host)), { belongings })).toEqual([
                expect.stringContaining(`database.server.host is ${host}, `),
            ]);
        }
    });

    it("a Secret of the target with a value of production's is refused, by names alone", () => {
        const borrowed = [{ secret: "post", key: "password", from: fingerprint("smtp-s3cret", "mail", "smtp") }];
        expect(exposureObjections(settingsOf({}), { belongings: { ...belongings, borrowed } })).toEqual([
            "Secret post of namespace replica, key password, holds what production's Secret mail has under smtp: write a " +
                "value of the replica's own, or mail/smtp to isolation.public if that is no secret.",
        ]);
    });

    it("what could not be compared is told", () => {
        expect(exposureWarnings({ belongings: { ...belongings, unknown: ["Unknown."] } })).toEqual(["Unknown."]);
        expect(exposureWarnings({})).toEqual([]);
        const unread = { ...belongings, unseen: "no answer within 10 s", unknown: ["Unknown."] };
        const silent = "What the replica reaches and is told was not compared with what is production's.";
        expect(exposureWarnings({ belongings: unread })).toEqual([`no answer within 10 s. ${silent}`, "Unknown."]);
        // Its cluster's silence is told once.
        expect(exposureWarnings({ belongings: unread, unseen: "no answer" })).toEqual([silent, "Unknown."]);
    });
});

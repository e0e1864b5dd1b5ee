import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { mailOf, mailRows } from "../../cli/mail";
import { connectionsOf } from "../../components/connections";
import { generationsOf } from "../../components/generations";
import {
    mailEnvironment,
    mailPlanOf,
    reachablePorts,
    recipientsMatching,
    relaySecrets,
    sinkVariables,
} from "../../components/mail-configuration";
import { planSchema } from "../../contract";
import { parseSettings, type Settings } from "../../settings";
import { problemsOf } from "../problems";
import { configOf } from "../program/monitor";

const config = configOf(readFileSync(path.join(__dirname, "../../Pulumi.demo.yaml"), "utf8"));

/** The demo's settings with these of mail in the place of its own. */
function parse(mail: object, more: Record<string, string> = {}): Settings {
    return parseSettings({ ...config, "understudy:mail": JSON.stringify(mail), ...more }, "understudy", "demo");
}

/** The demo's application with more settings. */
function application(more: object): Record<string, string> {
    const written = JSON.parse(config["understudy:application"] ?? "{}");
    return { "understudy:application": JSON.stringify({ ...written, ...more }) };
}

const relay = { host: "smtp.example.org" };
const redirect = { mode: "redirect", to: "testers@example.org", relay };
const filter = { mode: "filter", allowed: ["example.org", "o'hara+qa@other.example"], relay };

describe("the mail's settings", () => {
    it("catch everything where there is an application, and nothing is sent where there is none", () => {
        const { "understudy:application": _, "understudy:mail": __, ...data } = config;
        expect(parse({}).mail).toEqual({
            ...{ mode: "sink", environment: {}, sql: [], keep: 500 },
            image: expect.stringMatching(/^axllent\/mailpit:v1\.\d+\.\d+$/),
        });
        expect(parseSettings(data, "understudy", "demo").mail.mode).toBe("off");
    });

    it.each([
        ["a strange mode", { mode: "snk" }, [/mail\.mode is "snk": write sink or log or redirect or filter or off/]],
        [
            "redirecting without an address and a way",
            { mode: "redirect" },
            [
                /mail\.mode is redirect, but mail\.to is missing: write the address that gets everything/,
                /mail\.mode is redirect, but mail\.relay is missing: write the mail server that passes messages on/,
            ],
        ],
        [
            "filtering without those who may get mail",
            { mode: "filter", relay },
            [/mail\.mode is filter, but mail\.allowed is missing: write who may get mail/],
        ],
        ["filtering for nobody", { mode: "filter", relay, allowed: [] }, [/mail\.allowed.*: write at least one entry/]],
        ["no address", { ...redirect, to: "testers" }, [/mail\.to is "testers": write an address such as/]],
        ["two addresses", { ...redirect, to: "a@example.org,b@example.org" }, [/mail\.to is .*: write an address/]],
        ["a variable in an address", { ...redirect, to: "$(A)@example.org" }, [/mail\.to is .*: write an address/]],
        [
            "a pattern of one's own",
            { ...filter, allowed: [".*@example.org|x", "*"] },
            [/mail\.allowed\.0 is .*: write an address/, /mail\.allowed\.1 is "\*": write an address .*, or a domain/],
        ],
        [
            "logging in unencrypted",
            { ...redirect, relay: { ...relay, secret: "smtp", encryption: "none" } },
            [/mail\.relay\.secret would be sent for everybody to read: write encryption: starttls or tls/],
        ],
        [
            "a fact that there is not",
            { environment: { SMTP_HOST: "hostname" } },
            [/mail\.environment\.SMTP_HOST is "hostname": write host or port or mode or url or from/],
        ],
        [
            "a sender that nobody has named",
            { environment: { MAIL_FROM: "from" } },
            [/mail\.environment\.MAIL_FROM is from, but mail\.from is missing/],
        ],
        [
            "a variable that is set already",
            { environment: { PGHOST: "host" } },
            [/mail\.environment sets PGHOST, which understudy sets already: write another name/],
        ],
        [
            "SQL in a strange database",
            { sql: [{ sql: "select 1", database: "shop" }] },
            [/mail\.sql\.0\.database is "shop", which the replica does not have: write catalogue/],
        ],
        [
            "too much SQL",
            { sql: [{ sql: `select '${"x".repeat(65_600)}'` }] },
            [/mail\.sql holds 65609 bytes of SQL: write at most 65536/],
        ],
    ])("refuse %s", (_, mail, reasons) => {
        expect(problemsOf(() => parse(mail))).toEqual(reasons.map((reason) => expect.stringMatching(reason)));
    });

    it("refuse a variable that the stack file sets for the application too", () => {
        const environment = { SMTP_HOST: "host", SMTP_PORT: "port" };
        const both = application({ environment: { SMTP_HOST: "smtp.example.org" }, secrets: ["SMTP_PORT"] });
        expect(problemsOf(() => parse({ environment }, both))).toEqual([
            expect.stringMatching(/mail\.environment sets SMTP_HOST, which application\.environment sets too/),
            expect.stringMatching(/mail\.environment sets SMTP_PORT, which application\.secrets sets too/),
        ]);
    });

    it("refuse a sink where nobody sends", () => {
        const { "understudy:application": _, ...data } = config;
        const caught = { ...data, "understudy:mail": '{"mode": "sink"}' };
        expect(problemsOf(() => parseSettings(caught, "understudy", "demo"))).toEqual([
            expect.stringMatching(/mail\.mode is sink, but there is no application that could send mail: leave it out/),
        ]);
    });
});

describe("the sink", () => {
    const passing = (mail: object) =>
        Object.entries(sinkVariables(parse(mail).mail)).filter(([name]) => /_(RELAY|FORWARD)_/.test(name));

    it.each(["sink", "log", "off"])("lets nothing out with mode %s, whatever else is written", (mode) => {
        const everything = { ...redirect, ...filter, mode, relay: { ...relay, secret: "smtp" } };
        expect(passing(everything)).toEqual([]);
        expect(relaySecrets(parse(everything).mail)).toEqual([]);
        expect(connectionsOf(parse(everything)).filter(({ from }) => from === "mail")).toEqual([]);
    });

    it("sends everything to one address with mode redirect", () => {
        expect(Object.fromEntries(passing(redirect))).toEqual({
            MP_SMTP_FORWARD_HOST: "smtp.example.org",
            MP_SMTP_FORWARD_PORT: "587",
            MP_SMTP_FORWARD_STARTTLS: "true",
            MP_SMTP_FORWARD_TO: "testers@example.org",
        });
    });

    it("lets out what is for those allowed with mode filter, also by hand", () => {
        const recipients = "(?i)^([^@]+@example\\.org|o'hara\\+qa@other\\.example)$";
        const tls = { ...filter, relay: { host: "10.0.0.1", port: 465, encryption: "tls" } };
        expect(Object.fromEntries(passing(tls))).toEqual({
            MP_SMTP_RELAY_HOST: "10.0.0.1",
            MP_SMTP_RELAY_PORT: "465",
            MP_SMTP_RELAY_TLS: "true",
            MP_SMTP_RELAY_MATCHING: recipients,
            MP_SMTP_RELAY_ALLOWED_RECIPIENTS: recipients,
        });
    });

    it.each([
        ["redirect", redirect, "MP_SMTP_FORWARD"],
        ["filter", filter, "MP_SMTP_RELAY"],
    ])("logs in with a Secret, and sends as somebody of the replica's, with mode %s", (_, mail, prefix) => {
        const named = parse({ ...mail, from: "replica@example.org", relay: { ...relay, secret: "smtp" } }).mail;
        expect(sinkVariables(named)).toMatchObject({
            [`${prefix}_AUTH`]: "plain",
            [`${prefix}_OVERRIDE_FROM`]: "replica@example.org",
        });
        expect(relaySecrets(named)).toEqual([
            { name: `${prefix}_USERNAME`, valueFrom: { secretKeyRef: { name: "smtp", key: "username" } } },
            { name: `${prefix}_PASSWORD`, valueFrom: { secretKeyRef: { name: "smtp", key: "password" } } },
        ]);
    });

    it("tells its log of each message with mode log, and lets nobody log in there", () => {
        expect(sinkVariables(parse({ mode: "log" }).mail)).toMatchObject({ MP_VERBOSE: "true", MP_MAX_MESSAGES: "1" });
        expect(sinkVariables(parse({ mode: "log" }).mail)).not.toHaveProperty("MP_SMTP_AUTH_ACCEPT_ANY");
        const others = sinkVariables(parse({ keep: 20 }).mail);
        expect(others).toMatchObject({ MP_MAX_MESSAGES: "20", MP_SMTP_AUTH_ACCEPT_ANY: "true" });
        expect(others).not.toHaveProperty("MP_VERBOSE");
    });

    it("has a page, unless it keeps nothing", () => {
        expect(reachablePorts(parse({ mode: "log" }).mail)).toEqual({ smtp: 1025 });
        expect(reachablePorts(parse(filter).mail)).toEqual({ smtp: 1025, http: 8025 });
    });

    it("takes a domain for itself alone, and every character for itself", () => {
        const pattern = recipientsMatching(["example.org", "a.b+c@other.example"]);
        const matches = new RegExp(pattern.replace("(?i)", ""), "i");
        for (const allowed of ["anna@example.org", "ANNA@Example.ORG", "A.B+c@other.example"]) {
            expect(matches.test(allowed), allowed).toBe(true);
        }
        for (const stranger of [
            ...["anna@exampleXorg", "anna@sub.example.org", "anna@example.org.evil", "example.org", "@example.org"],
            ...['"anna@example.org"@evil', "evil@x@example.org", "aXb+c@other.example", "a.bbc@other.example"],
        ]) {
            expect(matches.test(stranger), stranger).toBe(false);
        }
    });
});

describe("the application", () => {
    const environment = { SMTP_HOST: "host", SMTP_PORT: "port", MAIL_MODE: "mode", MAIL_URL: "url", MAIL_FROM: "from" };

    it("is told of the sink under its own names", () => {
        expect(mailEnvironment(parse({ environment, from: "replica@example.org" }).mail)).toEqual({
            SMTP_HOST: "mail",
            SMTP_PORT: "1025",
            MAIL_MODE: "sink",
            MAIL_URL: "smtp://mail:1025",
            MAIL_FROM: "replica@example.org",
        });
    });

    it("is told of a host that there cannot be, where no mail is sent", () => {
        const { MAIL_FROM: _, ...others } = environment;
        expect(mailEnvironment(parse({ mode: "off", environment: others }).mail)).toMatchObject({
            SMTP_HOST: "mail.invalid",
            MAIL_URL: "smtp://mail.invalid:1025",
        });
    });
});

describe("SQL for the mode", () => {
    const sql = [{ sql: "select current_setting('understudy.mail_mode')" }];

    it("is told to the agent with what there is to know, for the last moment before a copy is used", () => {
        const plan = mailPlanOf(
            parse({ sql, from: "replica@example.org" }, { "understudy:hooks": '{"timeout": "1m"}' }),
        );
        expect(plan).toEqual({
            sink: "http://mail:8025",
            sql: {
                at: { beforeSwitch: [{ ...sql[0], name: "mail.sql no. 1", database: "catalogue", transaction: true }] },
                variables: {
                    mail_mode: "sink",
                    mail_host: "mail",
                    mail_port: "1025",
                    mail_url: "smtp://mail:1025",
                    mail_from: "replica@example.org",
                },
                secrets: {},
                timeout: 60,
            },
        });
        expect(planSchema.shape.mail.parse(plan)).toEqual(plan);
        expect(mailPlanOf(parse({}))).toEqual({ sink: "http://mail:8025" });
        for (const mode of ["log", "off"]) {
            expect(mailPlanOf(parse({ mode }))).toEqual({});
        }
    });

    it("shapes the copy, as does the mode that it is told; without it the mode is nothing to the copy", () => {
        const id = (mail: object) => generationsOf(parse(mail)).database;
        expect(id({ sql })).not.toBe(id({}));
        expect(id({ sql, mode: "log" })).not.toBe(id({ sql }));
        expect(id({ mode: "log" })).toBe(id({}));
        expect(id({ sql, keep: 20, environment: { SMTP_HOST: "host" } })).toBe(id({ sql }));
    });
});

describe("a status", () => {
    const words = (mail: object, caught?: { messages: number; last: string | null }) =>
        mailRows(mailOf(parse(mail), caught), "replica").map(([name, text]) => `${name}: ${text}`);

    it("tells how much mail was caught, and where it can be looked at", () => {
        expect(words({}, { messages: 1200, last: "2026-11-22T10:00:00.000Z" })).toEqual([
            "mail: sink: 1,200 messages caught, the last at 2026-11-22T10:00:00.000Z",
            "its page: http://mail.replica.svc:8025; or http://127.0.0.1:8025 after " +
                "kubectl -n replica port-forward service/mail 8025",
        ]);
        expect(words(redirect, { messages: 0, last: null })[0]).toBe("mail: redirect: 0 messages caught");
        expect(words(filter)[0]).toBe("mail: filter: what was caught is not known");
    });

    it("says where else to look, or that there is none", () => {
        expect(words({ mode: "log" })).toEqual(["mail: log: kubectl -n replica logs deployment/mail"]);
        expect(words({ mode: "off" })).toEqual(["mail: off: none is sent"]);
    });
});

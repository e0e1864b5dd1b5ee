/** The part of a stack file that says where the replica's mail goes, and how the application is told. */
import { z } from "zod";
import { type ApplicationSettings, isGiven, variable } from "./application";
import { hookList } from "./hooks";
import { objectName } from "./values";

/** Official image of the sink. */
export const sinkImage = "axllent/mailpit:v1.30.5";

/** What becomes of a message that the application sends; see docs/mail.md. */
const modes = ["sink", "log", "redirect", "filter", "off"] as const;
export type MailMode = (typeof modes)[number];

/** What the application's variables and the stack's SQL can be told. */
export const mailFacts = ["host", "port", "mode", "url", "from"] as const;
export type MailFact = (typeof mailFacts)[number];

/** Bytes of SQL that fit beside the agent and the hooks into its ConfigMap. */
const largest = 65_536;

/** A domain that mail can be sent to. */
const domain = /^(?=.{1,253}$)([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/i;

/** What is before the @: no quotation marks, and no dollar sign, which begins something else in a pod's environment. */
const mailbox = /^[\w.!#%&'*+/=?^`{|}~-]{1,64}$/;

function isAddress(text: string): boolean {
    const at = text.lastIndexOf("@");
    return mailbox.test(text.slice(0, Math.max(at, 0))) && domain.test(text.slice(at + 1));
}

const address = z.string().refine(isAddress, "write an address such as testers@example.org");

const allowed = z
    .string()
    .refine(
        (text) => isAddress(text) || domain.test(text),
        "write an address such as testers@example.org, or a domain such as example.org",
    );

/** The server that passes on what may leave the replica. */
const relay = z.strictObject({
    host: z.string().regex(/^[a-z0-9]([a-z0-9.:-]*[a-z0-9])?$/i, "write the name or address of a mail server"),
    port: z.number().int().min(1).max(65535).default(587),
    /** How the way there is encrypted: after greeting, from the beginning, or not at all. */
    encryption: z.enum(["starttls", "tls", "none"]).default("starttls"),
    /** Secret in the target namespace with keys `username` and `password`; nobody logs in if left out. */
    secret: objectName.optional(),
});

/** Where the replica's mail goes. */
export const mail = z.strictObject({
    /** `sink` where there is an application, else `off`, if left out. */
    mode: z.enum(modes).optional(),
    /** Who gets everything, with `mode: redirect`. */
    to: address.optional(),
    /** Who may get mail, with `mode: filter`: addresses, and domains without those below them. */
    allowed: z.array(allowed).min(1).optional(),
    /** Whom the replica's mail is from: the application is told, and what is passed on is sent as theirs. */
    from: address.optional(),
    relay: relay.optional(),
    /** The application's variables, and what each is told. */
    environment: z.record(variable, z.enum(mailFacts)).default({}),
    /** SQL that brings a copy's own settings of mail into line, the last of all that is done to it before it is used. */
    sql: hookList,
    /** Messages that are kept to be looked at; the oldest go first. */
    keep: z.number().int().min(1).default(500),
    image: z.string().min(1).default(sinkImage),
});

/** Where the replica's mail goes, with the mode that it is. */
export type MailSettings = z.infer<typeof mail> & { mode: MailMode };

/** What the modes that let mail out cannot do without, and what it is. The other modes have no use for it. */
const needed: Partial<Record<MailMode, Partial<Record<keyof MailSettings, string>>>> = {
    redirect: { to: "the address that gets everything", relay: "the mail server that passes messages on" },
    filter: { allowed: "who may get mail", relay: "the mail server that passes messages on" },
};

/** What is said of mail that cannot be meant. */
export function mailContradictions(
    settings: MailSettings,
    databases: string[],
    application: ApplicationSettings | undefined,
): string[] {
    const { mode, from, relay, environment, sql } = settings;
    const problems: string[] = [];
    if (application === undefined && mode !== "off") {
        problems.push(`mail.mode is ${mode}, but there is no application that could send mail: leave it out`);
    }
    for (const [name, what] of Object.entries(needed[mode] ?? {})) {
        if (settings[name as keyof MailSettings] === undefined) {
            problems.push(`mail.mode is ${mode}, but mail.${name} is missing: write ${what}`);
        }
    }
    if (relay?.secret !== undefined && relay.encryption === "none") {
        problems.push("mail.relay.secret would be sent for everybody to read: write encryption: starttls or tls");
    }
    problems.push(...environmentContradictions(environment, from, application));
    for (const [number, { database }] of sql.entries()) {
        if (database !== undefined && !databases.includes(database)) {
            problems.push(
                `mail.sql.${number}.database is "${database}", which the replica does not have: ` +
                    `write ${databases.join(" or ")}`,
            );
        }
    }
    const bytes = sql.reduce((sum, { sql: text }) => sum + Buffer.byteLength(text), 0);
    if (bytes > largest) {
        problems.push(`mail.sql holds ${bytes} bytes of SQL: write at most ${largest}`);
    }
    return problems;
}

function environmentContradictions(
    environment: MailSettings["environment"],
    from: string | undefined,
    application: ApplicationSettings | undefined,
): string[] {
    const problems: string[] = [];
    for (const [name, fact] of Object.entries(environment)) {
        if (isGiven(name)) {
            problems.push(`mail.environment sets ${name}, which understudy sets already: write another name`);
        }
        for (const part of partsThatSet(name, application)) {
            problems.push(`mail.environment sets ${name}, which application.${part} sets too: leave one of them out`);
        }
        if (fact === "from" && from === undefined) {
            problems.push(
                `mail.environment.${name} is from, but mail.from is missing: write the address that mail is from`,
            );
        }
    }
    return problems;
}

function partsThatSet(name: string, application: ApplicationSettings | undefined): string[] {
    const { environment = {}, secrets = [] } = application ?? {};
    return [...(name in environment ? ["environment"] : []), ...(secrets.includes(name) ? ["secrets"] : [])];
}

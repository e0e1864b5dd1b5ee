/** What the mail's settings come to: for the sink, for the application, and for the agent. */
import { hooksId } from "../contract/hooks";
import type { MailPlan } from "../contract/mail";
import type { Settings } from "../settings";
import type { MailFact, MailMode, MailSettings } from "../settings/mail";

/** Host name of the sink inside the target namespace. */
export const mailHost = "mail";

/** Ports of the sink: for mail, and for its pages. */
export const mailPorts = { smtp: 1025, http: 8025 } as const;

/** Where the sink keeps messages, for as long as its pod lives. */
export const mailFolder = "/data";

/** What Mailpit is told, but for {@link relaySecrets}. */
export function sinkVariables(settings: MailSettings): Record<string, string> {
    const { mode, keep } = settings;
    return {
        MP_DATABASE: `${mailFolder}/mailpit.db`,
        TMPDIR: mailFolder,
        MP_DISABLE_VERSION_CHECK: "true",
        MP_SMTP_DISABLE_RDNS: "true",
        MP_BLOCK_REMOTE_CSS_AND_FONTS: "true",
        ...(mode === "log"
            ? // Nobody logs in: what they would say is in the log as well.
              { MP_VERBOSE: "true", MP_MAX_MESSAGES: "1" }
            : {
                  MP_MAX_MESSAGES: `${keep}`,
                  // Production's application may insist on logging in.
                  MP_SMTP_AUTH_ACCEPT_ANY: "true",
                  MP_SMTP_AUTH_ALLOW_INSECURE: "true",
              }),
        ...passingOn(settings),
    };
}

/** What leaves the replica, and by which way: nothing, unless the mode is one that lets something out. */
function passingOn(settings: MailSettings): Record<string, string> {
    const { to, allowed = [], from } = settings;
    const relay = wayOut(settings);
    const prefix = prefixOf(settings);
    if (relay === undefined) {
        return {};
    }
    const { host, port, encryption, secret } = relay;
    const recipients = recipientsMatching(allowed);
    return {
        [`${prefix}_HOST`]: host,
        [`${prefix}_PORT`]: `${port}`,
        ...(encryption !== "none" && { [`${prefix}_${encryption.toUpperCase()}`]: "true" }),
        ...(secret !== undefined && { [`${prefix}_AUTH`]: "plain" }),
        ...(from !== undefined && { [`${prefix}_OVERRIDE_FROM`]: from }),
        ...(settings.mode === "redirect"
            ? { [`${prefix}_TO`]: to ?? "" }
            : // The second holds for people who pass a message on from the sink's page.
              { MP_SMTP_RELAY_MATCHING: recipients, MP_SMTP_RELAY_ALLOWED_RECIPIENTS: recipients }),
    };
}

/** The server that takes what leaves the replica; undefined where nothing does, whatever is written. */
export function wayOut(settings: MailSettings): MailSettings["relay"] {
    return prefixOf(settings) === undefined ? undefined : settings.relay;
}

/** Mailpit forwards all messages to somebody else, and relays those that match to whom they are for. */
function prefixOf({ mode }: MailSettings): string | undefined {
    const prefixes: Partial<Record<MailMode, string>> = { redirect: "MP_SMTP_FORWARD", filter: "MP_SMTP_RELAY" };
    return prefixes[mode];
}

/** The variables that are filled from the relay's Secret; none if nobody logs in. */
export function relaySecrets(settings: MailSettings) {
    const prefix = prefixOf(settings);
    const secret = wayOut(settings)?.secret;
    return secret === undefined
        ? []
        : ["username", "password"].map((key) => ({
              name: `${prefix}_${key.toUpperCase()}`,
              valueFrom: { secretKeyRef: { name: secret, key } },
          }));
}

/**
 * A regular expression of Go's for recipients.
 *
 * @example recipientsMatching(["example.org"]) // "(?i)^([^@]+@example\\.org)$"
 */
export function recipientsMatching(allowed: string[]): string {
    const literal = (text: string) => text.replace(/[.*+?^{}|]/g, "\\$&");
    const patterns = allowed.map((one) => (one.includes("@") ? literal(one) : `[^@]+@${literal(one)}`));
    return `(?i)^(${patterns.join("|")})$`;
}

/** What there is to know for those who send. Where no mail is sent, the host is one that there cannot be. */
export function mailFacts({ mode, from }: MailSettings): Partial<Record<MailFact, string>> {
    const host = mode === "off" ? "mail.invalid" : mailHost;
    const port = `${mailPorts.smtp}`;
    return { mode, host, port, url: `smtp://${host}:${port}`, ...(from !== undefined && { from }) };
}

/** What the application finds in its environment. */
export function mailEnvironment(settings: MailSettings): Record<string, string> {
    const facts = mailFacts(settings);
    return Object.fromEntries(Object.entries(settings.environment).map(([name, fact]) => [name, facts[fact] ?? ""]));
}

/** What the agent is told. */
export function mailPlanOf({ mail, hooks, database }: Pick<Settings, "mail" | "hooks" | "database">): MailPlan {
    const variables = Object.entries(mailFacts(mail)).map(([fact, value]) => [`mail_${fact}`, value]);
    const statements = mail.sql.map(({ file, sql, database: name = database.name, transaction }, number) => ({
        name: file ?? `mail.sql no. ${number + 1}`,
        database: name,
        sql,
        transaction,
    }));
    return {
        ...(keepsMail(mail) && { sink: `http://${mailHost}:${mailPorts.http}` }),
        ...(statements.length > 0 && {
            sql: {
                at: { beforeSwitch: statements },
                variables: Object.fromEntries(variables),
                secrets: {},
                timeout: hooks.timeout,
            },
        }),
    };
}

/** Whether there is a sink that keeps messages to be looked at. */
export function keepsMail({ mode }: MailSettings): boolean {
    return mode !== "off" && mode !== "log";
}

/** Ports of the sink that others reach: where nothing is kept, there is nothing to look at. */
export function reachablePorts(settings: MailSettings): Partial<typeof mailPorts> {
    return keepsMail(settings) ? mailPorts : { smtp: mailPorts.smtp };
}

/** The SQL and what it is told as a diff shows them: others have another id, and make another copy. */
export function reasonsOfMail(settings: Pick<Settings, "mail" | "hooks" | "database">): { mail?: string } {
    const id = hooksId(mailPlanOf(settings).sql, "beforeSwitch");
    return id === undefined ? {} : { mail: id };
}

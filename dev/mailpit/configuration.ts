/** A mail server that messages are passed on to. */
export interface Way {
    host: string;
    port: number;
    encryption: "starttls" | "tls" | "none";
    login: { user: string; pass: string } | undefined;
    /** Whom messages are from when they leave; the same as before if undefined. */
    from: string | undefined;
}

/** What Mailpit's variables say, as far as the stand-in knows them. */
export interface Configuration {
    smtp: Listening;
    http: Listening;
    /** Messages to keep. */
    keep: number;
    /** Whether each message is told in the log. */
    isVerbose: boolean;
    /** Whether everybody may log in, as whomever. */
    letsIn: boolean;
    /** The way to somebody who gets every message. */
    forward: (Way & { to: string }) | undefined;
    /** The way to those recipients whose address matches. */
    relay: (Way & { matching: RegExp }) | undefined;
}

interface Listening {
    host: string;
    port: number;
}

/** Reads the variables of Mailpit's that understudy sets, and its two addresses. */
export function configurationFrom(environment: NodeJS.ProcessEnv): Configuration {
    const isOn = (name: string) => environment[name] === "true";
    const [forward, relay] = [wayFrom(environment, "MP_SMTP_FORWARD"), wayFrom(environment, "MP_SMTP_RELAY")];
    const { MP_SMTP_FORWARD_TO: to, MP_SMTP_RELAY_MATCHING: matching } = environment;
    return {
        smtp: listeningAt(environment.MP_SMTP_BIND_ADDR ?? "[::]:1025"),
        http: listeningAt(environment.MP_UI_BIND_ADDR ?? "[::]:8025"),
        keep: Number(environment.MP_MAX_MESSAGES ?? 500),
        isVerbose: isOn("MP_VERBOSE"),
        letsIn: isOn("MP_SMTP_AUTH_ACCEPT_ANY") && isOn("MP_SMTP_AUTH_ALLOW_INSECURE"),
        forward: forward && to ? { ...forward, to } : undefined,
        relay: relay && matching ? { ...relay, matching: expressionOf(matching) } : undefined,
    };
}

function wayFrom(environment: NodeJS.ProcessEnv, prefix: string): Way | undefined {
    const of = (name: string) => environment[`${prefix}_${name}`];
    const host = of("HOST");
    if (host === undefined) {
        return undefined;
    }
    return {
        host,
        port: Number(of("PORT") ?? 25),
        encryption: of("TLS") === "true" ? "tls" : of("STARTTLS") === "true" ? "starttls" : "none",
        login: of("AUTH") === "plain" ? { user: of("USERNAME") ?? "", pass: of("PASSWORD") ?? "" } : undefined,
        from: of("OVERRIDE_FROM"),
    };
}

/** Go writes at the beginning of an expression that cases are alike. */
function expressionOf(text: string): RegExp {
    return text.startsWith("(?i)") ? new RegExp(text.slice("(?i)".length), "i") : new RegExp(text);
}

function listeningAt(address: string): Listening {
    const at = address.lastIndexOf(":");
    return { host: address.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(address.slice(at + 1)) };
}

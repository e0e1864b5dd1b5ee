import { createTransport } from "nodemailer";
import type { Database } from "./database";
import type { Package } from "./packages";

/** How mail is sent, as the catalogue's own table of settings says. */
export interface MailSettings {
    host: string;
    port: number;
    /** Whom it is from. */
    from: string;
    /** `live` for production's mail; anything else stands before each subject. */
    delivery: string;
}

/** Reads them. */
export async function mailSettings(database: Database): Promise<MailSettings> {
    const rows = await database.query<{ name: string; value: string }>(
        "select name, value from settings where name like 'mail.%'",
    );
    const settings = new Map(rows.map(({ name, value }) => [name, value]));
    return {
        host: settings.get("mail.host") ?? "localhost",
        port: Number(settings.get("mail.port") ?? 25),
        from: settings.get("mail.from") ?? "catalogue@localhost",
        delivery: settings.get("mail.delivery") ?? "live",
    };
}

/**
 * Sends what the catalogue knows of a package to somebody.
 *
 * @param server the mail server, in place of the one that the settings name
 * @throws what the mail server, or the way there, reported
 */
export async function sendPackage(
    { host, port, from, delivery }: MailSettings,
    server: { host: string; port: number } | undefined,
    found: Package,
    to: string,
): Promise<void> {
    const transport = createTransport({ host, port, ...server, connectionTimeout: 10_000 });
    const mark = delivery === "live" ? "" : `[${delivery}] `;
    const text = [`${found.name} ${found.version}`, found.summary, found.homepage ?? ""].join("\n");
    await transport.sendMail({ from, to, subject: `${mark}${found.name}: ${found.summary}`, text });
}

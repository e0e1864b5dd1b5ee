import { randomUUID } from "node:crypto";
import PostalMime from "postal-mime";
import type { Message } from "./pass";

interface Address {
    Name: string;
    Address: string;
}

/** A message as Mailpit's interface tells of it. */
export interface Kept {
    ID: string;
    From: Address;
    To: Address[];
    Cc: Address[];
    /** Those who get it and are not named in it. */
    Bcc: Address[];
    Subject: string;
    Created: string;
    Size: number;
    Text: string;
    HTML: string;
}

/** The message, read. */
export async function read({ from, recipients, raw }: Message): Promise<Kept> {
    const email = await PostalMime.parse(raw);
    const [to, cc] = [addresses(email.to), addresses(email.cc)];
    const named = [...to, ...cc].map(({ Address }) => Address.toLowerCase());
    const others = recipients.filter((address) => !named.includes(address.toLowerCase()));
    return {
        ID: randomUUID(),
        From: { Name: email.from?.name ?? "", Address: email.from?.address ?? from },
        To: to,
        Cc: cc,
        Bcc: others.map((address) => ({ Name: "", Address: address })),
        Subject: email.subject ?? "",
        Created: new Date().toISOString(),
        Size: raw.length,
        Text: email.text ?? "",
        HTML: email.html ?? "",
    };
}

function addresses(list: { name: string; address?: string | undefined }[] = []): Address[] {
    return list.map(({ name, address }) => ({ Name: name, Address: address ?? "" }));
}

/** A list of messages as Mailpit gives it, the newest first. */
export function listOf(kept: Kept[], limit: number) {
    const messages = kept.slice(0, limit).map(({ Text: _, HTML: __, ...summary }) => summary);
    return { total: kept.length, count: messages.length, start: 0, messages };
}

/** The page that people look at. */
export function pageOf(kept: Kept[]): string {
    const text = (value: string) => value.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
    const all = ({ To, Cc, Bcc }: Kept) => [...To, ...Cc, ...Bcc].map(({ Address }) => Address).join(", ");
    const rows = kept.map((one) =>
        [one.Created, one.From.Address, all(one), one.Subject, one.Text]
            .map((cell) => `<td>${text(cell)}</td>`)
            .join(""),
    );
    return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Caught mail</title>
<p>${kept.length} messages. This is a stand-in for Mailpit.</p>
<table>${rows.map((row) => `<tr>${row}</tr>`).join("\n")}</table></html>
`;
}

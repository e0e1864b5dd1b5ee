/** Text that is HTML already. Whatever else gets into HTML, is escaped on its way. */
export class Markup {
    constructor(readonly text: string) {}
}

type Content = Markup | string | number | readonly Content[];

/** HTML with values in it: ``html`<td>${hold}</td>` ``. */
export function html(parts: TemplateStringsArray, ...values: Content[]): Markup {
    const written = values.map(textOf);
    return new Markup(parts.map((part, at) => part + (written[at] ?? "")).join(""));
}

function textOf(content: Content): string {
    if (content instanceof Markup) {
        return content.text;
    }
    return typeof content === "object" ? content.map(textOf).join("") : escaped(String(content));
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Control characters are replaced as well: some are not HTML, and some would turn the text around them. */
function escaped(text: string): string {
    return text
        .replace(/[&<>"']/g, (character) => entities[character] ?? "")
        .replace(/[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** Markup that is safe to send as it is. Only {@link html} makes it. */
export class Html {
    constructor(readonly markup: string) {}
}

type Value = Html | string | number | undefined | null | false | Value[];

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * A template whose values are escaped, unless they are themselves {@link Html}. Lists are joined; undefined, null
 * and false leave nothing.
 *
 * @example html`<p>${"a < b"}</p>`.markup // "<p>a &lt; b</p>"
 */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
    return new Html(String.raw({ raw: strings }, ...values.map(markupOf)));
}

function markupOf(value: Value): string {
    if (value instanceof Html) return value.markup;
    if (Array.isArray(value)) return value.map(markupOf).join("");
    if (value === undefined || value === null || value === false) return "";
    return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

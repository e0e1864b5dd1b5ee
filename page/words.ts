/** Figures and times as the page has them. */
import { formatAge } from "../agent/report";
import { html, type Markup } from "./markup";

/** What stands where nothing is known. */
export const unknown = "not known";

/** A time for people, and for programs; whatever else it is, as it is. */
export function time(text: string): Markup {
    const at = Date.parse(text);
    if (Number.isNaN(at)) {
        return html`${text}`;
    }
    const iso = new Date(at).toISOString();
    return html`<time datetime="${iso}">${`${iso.slice(0, 10)} ${iso.slice(11, 16)}`} UTC</time>`;
}

/** How long a run took: `formatAge` from a minute on, and more exactly below. */
export function duration(seconds: number): string {
    return seconds < 60 ? `${seconds.toFixed(1)} s` : formatAge(seconds);
}

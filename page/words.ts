/** Figures and times as the page has them. */
import { formatAge } from "../agent/report";
import { html, type Markup } from "./markup";

/** What stands where nothing is known. */
export const unknown = "not known";

/** Milliseconds since 1970 of an ISO time; NaN of whatever else, in much of which JavaScript finds a date. */
export function instantOf(text: string): number {
    return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) ? Date.parse(text) : Number.NaN;
}

/** A time for people, and for programs; whatever else it is, as it is. */
export function time(text: string): Markup {
    const at = instantOf(text);
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

import { type Html, html } from "../html";

/** A page that says one thing, with a way back. */
export function messagePage(heading: string, sentence: string): Html {
    return html`<div class="message"><h1>${heading}</h1><p>${sentence}</p><p><a href="/">Back to the catalogue</a></p></div>`;
}

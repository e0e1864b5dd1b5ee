/** What the page tells of one stack. */
import { formatAge, formatBytes, plural } from "../agent/report";
import type { Standing } from "../cli/overview";
import { historyOf } from "./history";
import { html, type Markup } from "./markup";
import { duration, time, unknown } from "./words";

/** Id of its section. */
export function anchorOf({ stack }: Standing): string {
    return `stack-${stack.replace(/[^\w.-]/gu, (character) => `_${character.codePointAt(0)?.toString(16)}_`)}`;
}

/** How it is, in a word or two. */
export function stateOf({ role, stands, backup, suspended }: Standing): string {
    if (role === "source") {
        return "production's side";
    }
    if (role === "hosts") {
        return "on hosts, not looked at";
    }
    if (stands === null) {
        return "cannot be read";
    }
    if (!stands) {
        return "does not stand";
    }
    return suspended ? "suspended" : backup === null ? "nothing is live" : "live";
}

/** What somebody may have to do something about. */
export function flagsOf({ hold, stale, newer, imageTag, productionTag, expires }: Standing, now: number): string[] {
    return [
        ...(hold === null ? [] : ["held"]),
        ...(stale ? ["stale"] : []),
        ...(expires !== null && Date.parse(expires) <= now ? ["expired"] : []),
        ...(newer === null ? [] : ["newer backup"]),
        ...(productionTag === null || imageTag === null || imageTag === productionTag ? [] : ["other tag"]),
    ];
}

/** Its section. */
export function sectionOf(standing: Standing, now: number): Markup {
    const { stack, notes, history } = standing;
    const anchor = anchorOf(standing);
    const rows = factsOf(standing, now).map(
        ([name, fact]) => html`<tr><th scope="row">${name}</th><td>${fact}</td></tr>
`,
    );
    const told = notes.map((note) => html`<li>${note}</li>`);
    return html`<section id="${anchor}" aria-labelledby="${anchor}-name">
<h2 id="${anchor}-name">${stack}</h2>
<table class="facts">
<caption>How ${stack} is</caption>
<tbody>
${rows}</tbody>
</table>
${
    told.length === 0
        ? ""
        : html`<ul aria-label="To be known of ${stack}">${told}</ul>
`
}${history.length === 0 ? "" : historyOf(stack, history)}</section>
`;
}

type Fact = [name: string, fact: Markup | string];

function factsOf(standing: Standing, now: number): Fact[] {
    const { role, namespace, context, imageTag } = standing;
    return [
        ["State", stateOf(standing)],
        ...(namespace === null ? [] : [["Namespace", `${namespace}, on cluster ${context}`] satisfies Fact]),
        ...(imageTag === null ? [] : [["Image tag", tagsOf(standing)] satisfies Fact]),
        ...(role === "replica" ? dataOf(standing, now) : []),
    ];
}

function tagsOf({ imageTag, productionTag }: Standing): string {
    const production =
        productionTag === null
            ? `production's is ${unknown}`
            : productionTag === imageTag
              ? "production's as well"
              : `production runs ${productionTag}`;
    return `${imageTag}; ${production}`;
}

function dataOf({ backup, age, switched, newer, expires, loaded }: Standing, now: number): Fact[] {
    if (backup === null) {
        return [];
    }
    const old = age === null ? "" : `, ${formatAge(age)} old`;
    const facts: Fact[] = [
        ["Backup", html`${time(backup)}${old}`],
        ["Newer backup", newer === null ? "none is known" : time(newer)],
        [
            "Live since",
            switched === null
                ? unknown
                : html`${time(switched)}, for ${formatAge((now - Date.parse(switched)) / 1000)}`,
        ],
    ];
    if (loaded !== null) {
        const { rows, databaseBytes, mediaFiles, mediaBytes, seconds, awayMs } = loaded;
        const away = awayMs === null ? "" : `; the database was away for ${awayMs.toLocaleString("en-US")} ms`;
        facts.push(
            ["Database", `${plural(rows, "row")}, ${formatBytes(databaseBytes)}`],
            [
                "Media",
                mediaFiles === undefined
                    ? "production's own"
                    : `${plural(mediaFiles, "file")}, ${formatBytes(mediaBytes ?? 0)}`,
            ],
            ["Last refresh", `took ${duration(seconds)}${away}`],
        );
    }
    return [...facts, ["Expires", expires === null ? "never" : time(expires)]];
}

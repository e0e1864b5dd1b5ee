/** What the copies of a stack have come to: a table, out of which the page's script draws its plots. */
import { formatAge, formatBytes } from "../agent/report";
import type { HistoryEntry } from "../contract/history";
import { html, type Markup } from "./markup";
import { duration, instantOf, time } from "./words";

interface Column {
    title: string;
    /** Title of its plot, and how many of the figure's units are one of the plot's. */
    plot?: { title: string; unit: number };
    /** Absent where there is none. */
    figure(entry: HistoryEntry): number | undefined;
    words(figure: number): string;
}

const mebibyte = 2 ** 20;
const count = (figure: number) => figure.toLocaleString("en-US");

const columns: Column[] = [
    {
        title: "Backup was old",
        plot: { title: "Age of the backup when it became live, hours", unit: 3600 },
        figure: ({ switched, backup }) => (instantOf(switched) - instantOf(backup)) / 1000,
        words: formatAge,
    },
    {
        title: "Refresh took",
        plot: { title: "Refresh time, seconds", unit: 1 },
        figure: ({ seconds }) => seconds,
        words: duration,
    },
    {
        title: "Database away",
        plot: { title: "Time away, milliseconds", unit: 1 },
        figure: ({ awayMs }) => awayMs ?? undefined,
        words: (figure) => `${count(figure)} ms`,
    },
    { title: "Rows", figure: ({ rows }) => rows, words: count },
    {
        title: "Database",
        plot: { title: "Size of the database, MiB", unit: mebibyte },
        figure: ({ databaseBytes }) => databaseBytes,
        words: formatBytes,
    },
    { title: "Files", figure: ({ mediaFiles }) => mediaFiles, words: count },
    {
        title: "Media",
        plot: { title: "Size of the media, MiB", unit: mebibyte },
        figure: ({ mediaBytes }) => mediaBytes,
        words: formatBytes,
    },
];

/** A table with a row for each copy, the newest first, and where its plots come. */
export function historyOf(stack: string, history: HistoryEntry[]): Markup {
    const name = `Refreshes of ${stack}`;
    const heads = columns.map(({ title, plot }) =>
        plot === undefined
            ? html`<th scope="col">${title}</th>`
            : html`<th scope="col" data-plot="${plot.title}" data-unit="${plot.unit}">${title}</th>`,
    );
    return html`<div class="history">
<div class="plots" hidden></div>
<details>
<summary>${name}: ${history.length}</summary>
<div class="wide" role="region" aria-label="${name}" tabindex="0">
<table>
<caption>${name}, the newest first</caption>
<thead><tr><th scope="col">Live since</th><th scope="col">Backup</th>${heads}</tr></thead>
<tbody>
${history.toReversed().map(rowOf)}</tbody>
</table>
</div>
</details>
</div>
`;
}

function rowOf(entry: HistoryEntry): Markup {
    const cells = columns.map(({ figure, words }) => {
        const value = figure(entry);
        return value === undefined || Number.isNaN(value)
            ? html`<td>–</td>`
            : html`<td data-value="${value}">${words(value)}</td>`;
    });
    return html`<tr><th scope="row">${time(entry.switched)}</th><td>${time(entry.backup)}</td>${cells}</tr>
`;
}

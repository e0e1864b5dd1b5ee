const silence = 30_000;
const active: { title: string; started: number }[] = [];
let ticker: NodeJS.Timeout | undefined;

/**
 * Does a piece of work and says so on the standard error stream: one line with its title and the time it took. Work
 * that goes on is shown while it does: on a terminal in the last line, elsewhere by a line every half minute.
 */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
    const entry = { title, started: Date.now() };
    active.push(entry);
    ticker ??= setInterval(tick, process.stderr.isTTY ? 1000 : silence).unref();
    showActive();
    let mark = "✗";
    try {
        const result = await work();
        mark = "✓";
        return result;
    } finally {
        active.splice(active.indexOf(entry), 1);
        printLine(`${mark} ${title} (${duration(Date.now() - entry.started)})`);
        if (active.length === 0) {
            clearInterval(ticker);
            ticker = undefined;
        }
    }
}

/** A length of time in milliseconds as people say it: `0.4 s`, `12 s`, `2 min 5 s`. */
export function duration(milliseconds: number): string {
    if (milliseconds < 9950) {
        return `${(milliseconds / 1000).toFixed(1)} s`;
    }
    const seconds = Math.round(milliseconds / 1000);
    if (seconds < 60) {
        return `${seconds} s`;
    }
    return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function tick(): void {
    if (process.stderr.isTTY) {
        showActive();
        return;
    }
    for (const { title, started } of active) {
        if (Date.now() - started >= silence / 2) {
            process.stderr.write(`… ${title}: still at it (${duration(Date.now() - started)})\n`);
        }
    }
}

function printLine(line: string): void {
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
    showActive();
}

/** A terminal's last line belongs to the work begun last. */
function showActive(): void {
    const last = active.at(-1);
    if (process.stderr.isTTY && last) {
        const line = `… ${last.title} (${duration(Math.floor((Date.now() - last.started) / 1000) * 1000)})`;
        process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    }
}

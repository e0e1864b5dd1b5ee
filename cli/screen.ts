/** Where a screen is drawn: a terminal, or something like it. */
export interface Terminal {
    write(text: string): unknown;
    columns?: number;
}

/**
 * Text that goes by, and below it a few lines that are drawn again in their place. Each change is one write, so that
 * nothing flickers.
 */
export class Screen {
    private lines: string[] = [];
    private readonly unfinished = new Map<Terminal, string>();

    constructor(private readonly terminal: Terminal) {}

    /** Shows text above the lines, as soon as its line is complete. */
    print(text: string, to = this.terminal): void {
        const whole = (this.unfinished.get(to) ?? "") + text;
        const end = whole.lastIndexOf("\n") + 1;
        this.unfinished.set(to, whole.slice(end));
        this.replace(whole.slice(0, end), this.lines, to);
    }

    /** Draws these lines in place of those that are there, each cut to the terminal's width. */
    draw(lines: string[]): void {
        const width = (this.terminal.columns ?? 80) - 1;
        this.replace(
            "",
            lines.map((line) => clipped(line, width)),
            this.terminal,
        );
    }

    /** Takes the lines away and shows what is left of the text. */
    close(): void {
        this.replace("", [], this.terminal);
        for (const [terminal, text] of this.unfinished) {
            terminal.write(text);
        }
        this.unfinished.clear();
    }

    private replace(text: string, lines: string[], to: Terminal): void {
        const up = this.lines.length === 0 ? "" : `\x1b[${this.height()}A\x1b[J`;
        const below = lines.map((line) => `${line}\n`).join("");
        this.lines = lines;
        if (to === this.terminal) {
            this.terminal.write(up + text + below);
            return;
        }
        this.terminal.write(up);
        to.write(text);
        this.terminal.write(below);
    }

    /** How many lines of the terminal they take: one that has become narrower since breaks them. */
    private height(): number {
        const { columns = 80 } = this.terminal;
        return this.lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    }
}

/** A text that fits a width. */
export function clipped(text: string, width: number): string {
    return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`;
}

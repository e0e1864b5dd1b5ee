/** What has to be ended when the bench is over, or is stopped: the last first. */
export class Ends {
    private readonly ends = new Set<() => unknown>();
    private ending: Promise<void> | undefined;

    /** @returns what takes it back, when it has ended by itself */
    add(end: () => unknown): () => void {
        this.ends.add(end);
        return () => this.ends.delete(end);
    }

    /** Ends everything, once; what cannot be ended is told, and keeps nothing else from its end. */
    all(): Promise<void> {
        this.ending ??= this.endAll();
        return this.ending;
    }

    private async endAll(): Promise<void> {
        for (const end of [...this.ends].reverse()) {
            try {
                await end();
            } catch (error) {
                console.error((error as Error).message);
            }
        }
    }
}

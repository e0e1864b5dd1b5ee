/** File operations under way at once: enough to hide the latency of a network file system. */
const width = 16;

/** Does the work for every item, a bounded number of them at once; the first error ends it. */
export async function inParallel<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
    let next = 0;
    let failed = false;
    async function lane() {
        while (next < items.length && !failed) {
            const item = items[next++] as T;
            try {
                await work(item);
            } catch (error) {
                failed = true;
                throw error;
            }
        }
    }
    // All lanes have to end before the error is told: whoever hears it removes what they write.
    const lanes = await Promise.allSettled(Array.from({ length: width }, lane));
    const broken = lanes.find((lane) => lane.status === "rejected");
    if (broken !== undefined) {
        throw broken.reason;
    }
}

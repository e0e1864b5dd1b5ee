import type { Reporter, Vitest } from "vitest/node";

/**
 * Cuts off a run at UNDERSTUDY_TEST_UNTIL (milliseconds since 1970): what has not passed or failed by then is reported as
 * skipped.
 */
export default class Deadline implements Reporter {
    onInit(vitest: Vitest): void {
        const left = Number(process.env.UNDERSTUDY_TEST_UNTIL) - Date.now();
        setTimeout(() => void vitest.cancelCurrentRun("test-failure"), Math.max(0, left)).unref();
    }
}

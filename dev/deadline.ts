import type { Reporter, Vitest } from "vitest/node";

/**
 * Lets the tests that run at UNDERSTUDY_TEST_UNTIL (milliseconds since 1970) come to their end, and no other begin: those
 * are reported as skipped.
 */
export default class Deadline implements Reporter {
    onInit(vitest: Vitest): void {
        const left = Number(process.env.UNDERSTUDY_TEST_UNTIL) - Date.now();
        setTimeout(() => void vitest.cancelCurrentRun("test-failure"), Math.max(0, left)).unref();
    }
}

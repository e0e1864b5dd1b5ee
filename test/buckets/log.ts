import { vi } from "vitest";

/** Keeps what is told on standard output to itself. */
export function recordLog(): () => string {
    let log = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
        log += text;
        return true;
    });
    return () => log;
}

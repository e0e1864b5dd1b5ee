import { assert } from "vitest";
import { Refusal } from "../refusal";

/** The sentences of the refusal that reading a stack file ends with; none if it is read. */
export function problemsOf(read: () => unknown): string[] {
    try {
        read();
    } catch (error) {
        assert(error instanceof Refusal);
        return error.message
            .split("\n")
            .slice(1)
            .map((line) => line.trim());
    }
    return [];
}

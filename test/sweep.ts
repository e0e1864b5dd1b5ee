import { test } from "vitest";
import { due } from "./due";

/** `test.each` for long tables: an ordinary run takes the cases that are due, so that four days have seen all. */
export const sweep = ((cases: readonly unknown[]) => test.each(due(cases) as unknown[])) as typeof test.each;

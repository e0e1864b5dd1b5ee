import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { joined } from "../../agent/media/join";
import { Spool } from "../../agent/media/spool";
import { isRoot } from "./places";

let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "understudy-spool-"));
    vi.stubEnv("TMPDIR", folder);
});
afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
});

describe("a list on the disk", () => {
    test("gives back what it got, names of any bytes too, also what is added while it is read", () => {
        const spool = new Spool<string>();
        const names = ["line\nbreak", "\u00ff\u00fe", '"quoted"', "x".repeat(200_000)];
        for (const name of names) {
            spool.add(name);
        }
        const found: string[] = [];
        for (const name of spool) {
            found.push(name);
            if (found.length === 1) {
                spool.add("late");
            }
        }
        expect(found).toEqual([...names, "late"]);
        expect(spool.length).toBe(5);
        spool.close();
    });

    test("leaves nothing behind, not even while it is there", () => {
        const spool = new Spool<number>();
        spool.add(1);
        expect(readdirSync(folder)).toEqual([]);
        spool.close();
    });

    test.runIf(isRoot)("that does not fit is said not to", () => {
        const point = join(folder, "small");
        mkdirSync(point);
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", point]);
        vi.stubEnv("TMPDIR", point);
        const spool = new Spool<string>();
        try {
            expect(() => spool.add("x".repeat(200_000))).toThrow(
                `The list of the files does not fit into ${point} (ENOSPC)`,
            );
        } finally {
            spool.close();
            execFileSync("umount", [point]);
        }
    });
});

test("long lists are joined in parts, and every item meets what is known of it", () => {
    const [items, known] = [new Spool<{ path: string }>(), new Spool<{ path: string; size: number }>()];
    for (let n = 0; n < 70_000; n++) {
        items.add({ path: `f${n}` });
        known.add({ path: `f${2 * n}`, size: n });
    }
    const met = new Map<string, number | undefined>();
    let parts = 0;
    for (const part of joined(items, [known], ({ path }: { path: string }) => path)) {
        parts += 1;
        for (const { path } of part.items) {
            met.set(path, part.known[0]?.get(path)?.size);
        }
    }
    expect(parts).toBe(3);
    expect(met.size).toBe(70_000);
    expect([met.get("f0"), met.get("f1"), met.get("f69998"), met.get("f69999")]).toEqual([
        0,
        undefined,
        34_999,
        undefined,
    ]);
    expect([...met.values()].filter((size) => size !== undefined)).toHaveLength(35_000);
    items.close();
    known.close();
});

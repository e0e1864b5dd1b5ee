import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Publisher, startPublisher } from "./publisher";
import { stampBefore } from "./replica";

let publisher: Publisher;

beforeAll(async () => {
    publisher = await startPublisher();
});
beforeEach(() => publisher.reset());
afterAll(() => publisher?.stop());

describe("a store", () => {
    test("keeps its number in each tier, links what a tier takes over, and leaves other backups alone (S0-18)", async () => {
        const [stem = ""] = await publisher.published();
        const old = [30, 20].map((hours) => publisher.age(stem, stampBefore(hours * 3600)));
        const strange = join(publisher.store, "hourly", "backup-2020-01-01T00:00:00Z-shop.sql.gz");
        writeFileSync(strange, "of another schedule");
        await sleep(1000);
        const stems = await publisher.published(({ keep }) => Object.assign(keep, { hourly: 2, daily: 2, weekly: 1 }));
        expect(stems).toHaveLength(2);
        expect(stems[0]).toBe(stem);
        expect(publisher.names("hourly")).toHaveLength(5);
        for (const tier of ["daily", "weekly"] as const) {
            expect(publisher.names(tier)).toEqual([old[0], `${old[0]}.json`]);
        }
        const inode = (tier: string) => statSync(join(publisher.store, tier, old[0] ?? "", "toc.dat")).ino;
        expect(inode("weekly")).toBe(inode("daily"));
        expect(readFileSync(strange, "utf8")).toBe("of another schedule");
        expect(publisher.lines()).toMatchObject([
            { tier: "hourly", backup: stems[1] },
            { tier: "hourly", backup: stem },
            { tier: "daily", backup: old[0] },
            { tier: "weekly", backup: old[0] },
        ]);
        expect((await publisher.run("verify-store")).status).toBe(0);
    });

    test("finds a flipped byte and a file that is gone, marks both backups, and takes them for lost", async () => {
        const [stem = ""] = await publisher.published();
        const other = publisher.age(stem, stampBefore(7200));
        const [toc, gone] = [join(publisher.store, "hourly", stem, "toc.dat"), join(publisher.store, "hourly", other)];
        const bytes = readFileSync(toc);
        const before = readdirSync(publisher.store, { recursive: true });
        expect((await publisher.run("verify-store")).sentence).toMatch(/^All 2 backups in .* are as they were made/);
        expect(readdirSync(publisher.store, { recursive: true })).toEqual(before);

        writeFileSync(
            toc,
            bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte)),
        );
        rmSync(join(gone, "toc.dat"));
        const { status, sentence } = await publisher.run("verify-store");
        expect(status).toBe(1);
        expect(sentence).toContain(`hourly/${stem}/toc.dat differs`);
        expect(sentence).toContain(`hourly/${other}/toc.dat is missing`);
        expect(publisher.names("hourly").filter((name) => name.startsWith("."))).toEqual([
            `.rotten-${other}`,
            `.rotten-${stem}`,
        ]);

        await sleep(1000);
        const stems = await publisher.published(({ keep }) => Object.assign(keep, { hourly: 1 }));
        expect(stems).toHaveLength(1);
        expect(publisher.lines()).toMatchObject([{ backup: stems[0] }]);
    });

    test("takes a backup for sound again when it is, and one with a torn manifest never", async () => {
        const [stem = ""] = await publisher.published();
        const toc = join(publisher.store, "hourly", stem, "toc.dat");
        const bytes = readFileSync(toc);
        writeFileSync(
            toc,
            bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte)),
        );
        expect((await publisher.run("verify-store")).status).toBe(1);
        writeFileSync(toc, bytes);
        expect((await publisher.run("verify-store")).status).toBe(0);
        expect(publisher.names("hourly")).toEqual([stem, `${stem}.json`]);

        writeFileSync(join(publisher.store, "hourly", `${stem}.json`), '{"version": 1, ');
        const { status, sentence } = await publisher.run("verify-store");
        expect(status).toBe(1);
        expect(sentence).toContain(`hourly/${stem}.json cannot be understood`);
    });

    test.runIf(userInfo().uid === 0).each([
        ["directory", "60k"],
        ["directory", "120k"],
        ["plain", "16k"],
    ] as const)(
        "that is full for a backup in %s format within %s keeps nothing of it, and says so",
        async (format, size) => {
            execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", publisher.store]);
            try {
                const { status, sentence } = await publisher.run(
                    "publish",
                    publisher.plan((plan) => {
                        plan.format = format;
                    }),
                );
                expect(status).toBe(1);
                expect(sentence).toMatch(/^Failed: The store .* is full: make its volume larger, or keep fewer/);
                expect(readdirSync(publisher.store, { recursive: true })).toEqual(["hourly"]);
            } finally {
                execFileSync("umount", [publisher.store]);
            }
        },
    );

    test("that is not there is refused before the server is asked", async () => {
        const absent = join(publisher.store, "absent");
        const { status, sentence } = await publisher.run(
            "publish",
            publisher.plan((plan) => {
                plan.store = absent;
            }),
        );
        expect(status).toBe(3);
        expect(sentence).toContain(`The backup store ${absent} is not there`);
    });
});

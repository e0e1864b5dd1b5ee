import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestProduction } from "../../demo/digest";

import { changed, openStage, type Stage } from "./stage";

describe("a wipe (S0-03, S0-04)", () => {
    let stage: Stage;
    let production: unknown;
    // A copy of its own, so that the one made after a wipe is of the same backup.
    const time = `before the wipe of ${new Date().toISOString()}`;
    const copy = { "database.refresh": time, "media.refresh": time };
    beforeAll(async () => {
        stage = await openStage();
        production = await digestProduction(stage.cluster);
    });

    afterAll(async () => {
        expect(await digestProduction(stage.cluster)).toEqual(production);
    });

    const claims = async () => {
        const { items } = await stage.core.listNamespacedPersistentVolumeClaim({ namespace: stage.namespace });
        return items.map(({ metadata }) => metadata?.name ?? "").sort();
    };
    const exists = () =>
        stage.core.readNamespace({ name: stage.namespace }).then(
            () => true,
            () => false,
        );

    it.each([
        { database: true, media: true, kept: [] },
        { database: true, media: false, kept: ["media"] },
        { database: false, media: true, kept: ["database"] },
        { database: false, media: false, kept: ["database", "media"] },
    ])(
        "with removeDatabaseVolume $database and removeMediaVolume $media keeps $kept, and an up takes them over",
        async ({ database, media, kept }) => {
            const flags = { ...copy, removeDatabaseVolume: database, removeMediaVolume: media };
            const made = await stage.up(flags);
            expect(made.status, made.output).toBe(0);
            const digest = await stage.digest();
            const uids = claimUids(digest.objects, kept);

            const wiped = await stage.wipe();
            expect(wiped.status, wiped.output).toBe(0);
            expect(await exists()).toBe(kept.length > 0);
            expect(kept.length > 0 ? await claims() : []).toEqual(kept);

            const again = await stage.up(flags);
            expect(again.status, again.output).toBe(0);
            const after = await stage.digest();
            expect({ rows: after.rows, media: after.media }).toEqual({ rows: digest.rows, media: digest.media });
            expect(claimUids(after.objects, kept)).toEqual(uids);
            const removed = ["database", "media"].filter((name) => !kept.includes(name as never));
            for (const uid of claimUids(digest.objects, removed)) {
                expect(after.objects).not.toContain(uid);
            }
            expect(await digestProduction(stage.cluster)).toEqual(production);
        },
    );

    it("leaves a volume that the next up refuses to begin on, where it may not (S0-15)", async () => {
        const wiped = await stage.wipe({ ...copy, removeDatabaseVolume: true, removeMediaVolume: false });
        expect(wiped.status, wiped.output).toBe(0);
        const { status, output } = await stage.up({ ...copy, allowExistingMediaVolume: false });
        expect(status, output).not.toBe(0);
        expect(output).toMatch(/media.*allowExistingMediaVolume/s);
        expect(await claims()).toEqual(["media"]);
    });

    it("honours flags that were changed since the last up, and is finished by the next one, or undone by an up, when it is killed", async () => {
        const before = await stage.up({ ...copy, removeDatabaseVolume: false, removeMediaVolume: false });
        expect(before.status, before.output).toBe(0);
        const flags = { removeDatabaseVolume: true, removeMediaVolume: true };
        await stage.stackFile(changed(await stage.stackFile(), flags));
        const killed = await stage.killed(/(deleted [\s\S]*?){8}/, "wipe", "scenario", "--yes");
        expect(killed.output).toContain("deleted");
        expect(killed.output).not.toContain("Resources:");
        const again = await stage.up({ ...copy, ...flags });
        expect(again.status, again.output).toBe(0);
        await stage.killed(/deleted /, "wipe", "scenario", "--yes");
        // What an update would be refused for does not matter any more.
        const refused = { imageTag: "0.1", "database.volume": "1Mi", "source.namespace": "nowhere" };
        const wiped = await stage.wipe({ ...copy, ...flags, ...refused });
        expect(wiped.status, wiped.output).toBe(0);
        expect(await exists()).toBe(false);
    });
});

function claimUids(objects: string, names: string[]): string[] {
    return objects.split("\n").filter((line) => names.some((name) => line.startsWith(`Claim ${name}=`)));
}

import { describe, expect, it } from "vitest";
import { runProgram } from "./monitor";
import { changed, cluster, config } from "./registered";

describe("what a wipe keeps", () => {
    it.each([
        { database: true, media: true, kept: [] },
        { database: true, media: false, kept: ["media-volume-claim", "target-namespace"] },
        { database: false, media: true, kept: ["database-secret", "database-volume-claim", "target-namespace"] },
        {
            database: false,
            media: false,
            kept: ["database-secret", "database-volume-claim", "media-volume-claim", "target-namespace"],
        },
    ])("removes database volume: $database, media volume: $media", async ({ database, media, kept }) => {
        const flags = {
            "understudy:removeDatabaseVolume": String(database),
            "understudy:removeMediaVolume": String(media),
        };
        const run = await runProgram({ config: { ...config, ...flags }, cluster });
        expect(
            run.registrations
                .filter(({ retainOnDelete }) => retainOnDelete)
                .map(({ name }) => name)
                .sort(),
        ).toEqual(kept);
    });
});

describe("another store", () => {
    const storeObjects = async (store: string) => {
        const media = { hostPath: "/exports/media" };
        const source = { namespace: "production", media, database: { hostPath: store } };
        const run = await runProgram({ config: changed("source", source), cluster });
        const objects = run.registrations.filter(({ name }) => /^source-.*-(volume|claim)$/.test(name));
        return objects.map(({ name, inputs }) => [name, (inputs.metadata as { name: string }).name]).sort();
    };

    it("has a volume and a claim of its own, which come up beside those of the former", async () => {
        const [first, second] = await Promise.all([storeObjects("/exports/a"), storeObjects("/exports/b")]);
        const [claim, volume] = [second[0], second[1]] as string[][];
        expect(first).not.toContainEqual(claim);
        expect(first.map(([name]) => name)).not.toContain(volume?.[0]);
        expect(first.map(([, name]) => name)).not.toContain(volume?.[1]);
        expect(first.slice(2)).toEqual(second.slice(2));
    });

    it("is there before a pod is scheduled; the replica's own volumes bind when they are first used", async () => {
        const { registrations } = await runProgram({ config, cluster });
        const claims = registrations.filter(({ type }) => type.endsWith(":PersistentVolumeClaim"));
        const skipping = claims.filter(({ inputs }) => "annotations" in (inputs.metadata as object));
        expect(claims).toHaveLength(4);
        expect(skipping.map(({ name }) => name).sort()).toEqual(["database-volume-claim", "media-volume-claim"]);
    });
});

import { describe, expect, it } from "vitest";
import { generationsOf } from "../../components/generations";
import { goneWarnings } from "../../preflight/gone";
import { volumeObjections } from "../../preflight/volumes";
import { parseSettings } from "../../settings";
import type { Claim, Sighting } from "../../sighting";

const written: Record<string, Record<string, unknown>> = {
    source: { database: { hostPath: "/backups" }, media: { hostPath: "/files" } },
    target: { context: "here", namespace: "replica", storageClass: "fast" },
    database: { name: "shop", owner: "shop", volume: "2Gi" },
    media: { volume: "2Gi" },
    application: { mediaPath: "/srv" },
};

/** Settings that differ in parts from a plain stack file's. */
function settings(changes: Record<string, Record<string, unknown>> = {}, flags: Record<string, string> = {}) {
    const parts = Object.entries(written).map(([key, part]) => [
        `understudy:${key}`,
        JSON.stringify({ ...part, ...changes[key] }),
    ]);
    const rest = { "understudy:image": "shop", "understudy:imageTag": "1.0" };
    return parseSettings({ ...Object.fromEntries(parts), ...rest, ...flags }, "understudy", "demo");
}

const claim: Claim = {
    size: "2Gi",
    storageClass: "fast",
    accessModes: ["ReadWriteOnce"],
    since: "2026-11-20T02:04:01Z",
};
const claims = { database: claim, media: { ...claim, accessModes: ["ReadWriteMany"] } };
const standing: Sighting = { claims, stands: true };

const objections = (wanted: ReturnType<typeof settings>, sighting: Sighting) =>
    volumeObjections(wanted, "understudy/demo", sighting);

describe("a volume that is there (S0-15)", () => {
    it("is gone on with, also where a wipe has kept it", () => {
        expect(objections(settings(), standing)).toEqual([]);
        expect(objections(settings(), { claims })).toEqual([]);
    });

    it("may grow, and may be written in other units", () => {
        expect(objections(settings({ database: { volume: "3Gi" }, media: { volume: "2048Mi" } }), standing)).toEqual(
            [],
        );
    });

    it("does not shrink, whatever units the cluster tells its size in", () => {
        const smaller = settings({ database: { volume: "1Gi" }, media: { volume: "2Gi" } });
        const large = { ...claims, media: { ...claims.media, size: "3G" } };
        expect(objections(smaller, { claims: large, stands: true })).toEqual([
            "database.volume is 1Gi, but the claim database of namespace replica has 2Gi, and Kubernetes makes no " +
                "volume smaller: write 2Gi, or wipe the volume before you write less.",
            expect.stringMatching(/^media\.volume is 2Gi, but the claim media .* has 3G,/),
        ]);
    });

    it("is not replaced for another storage class or access mode, which would lose what is on it", () => {
        const other = settings({ target: { storageClass: "slow" }, media: { accessMode: "ReadWriteOnce" } });
        const lost = /which can only be changed by another volume, without what is on this one: write/;
        const found = objections(other, standing);
        expect(found).toEqual([
            expect.stringMatching(/^target\.storageClass is slow, but the claim database .* has fast,.*: write fast/),
            expect.stringMatching(/^target\.storageClass is slow, but the claim media .* has fast,/),
            expect.stringMatching(/^media\.accessMode is ReadWriteOnce, but the claim media .* has ReadWriteMany,/),
        ]);
        expect(found.filter((sentence) => !lost.test(sentence))).toEqual([]);
    });

    it("has whatever class it was made with when the stack file names none", () => {
        expect(objections(settings({ target: { storageClass: undefined } }), standing)).toEqual([]);
    });

    it.each([
        ["database", "allowExistingDatabaseVolume"],
        ["media", "allowExistingMediaVolume"],
    ])("of the %s from before the replica is refused when %s is false, and only then", (name, flag) => {
        const strict = settings({}, { [`understudy:${flag}`]: "false" });
        expect(objections(strict, { claims })).toEqual([
            `The claim ${name} of namespace replica is there since 2026-11-20T02:04:01Z, from before this replica, and ` +
                `${flag} is false: set it to true to go on with what is on the volume, or remove the claim if nobody needs it.`,
        ]);
        expect(objections(strict, standing)).toEqual([]);
        expect(objections(strict, {})).toEqual([]);
    });
});

it("a claim called database is nobody's business beside a server that is brought", () => {
    const server = { host: "10.1.2.3", passwordSecret: "admin" };
    const brought = settings(
        { database: { volume: undefined, server } },
        { "understudy:allowExistingDatabaseVolume": "false" },
    );
    const other = { ...claims, database: { ...claim, storageClass: "slow", accessModes: ["ReadOnlyMany"] } };
    expect(objections(brought, { claims: other })).toEqual([]);
    expect(objections(brought, { claims: { ...other, media: claim } })).toHaveLength(1);
});

describe("a claim that somebody brings", () => {
    const brought = settings({ source: { database: { claim: "backups" } } });
    it("has to be there before data is refreshed from it", () => {
        expect(objections(brought, {})).toEqual([
            "Production's store is to be claim backups of namespace replica, which is not there: make it, in a " +
                "namespace with the label understudy/stack: understudy.demo, or correct source.",
        ]);
        expect(objections(brought, { claims: { backups: claim } })).toEqual([]);
    });

    it("need not be there any more when nothing is read from it", () => {
        expect(objections(brought, { live: generationsOf(brought) })).toEqual([]);
    });

    it("is held to nothing that the replica's own volumes are held to", () => {
        const other = { size: "1Ti", storageClass: "", accessModes: ["ReadOnlyMany"], since: "" };
        expect(objections(brought, { claims: { ...claims, backups: other }, stands: true })).toEqual([]);
    });
});

describe("what somebody has removed", () => {
    const live = generationsOf(settings());

    it("is named, with the way to have it made again", () => {
        const { media } = claims;
        expect(goneWarnings(settings(), "understudy/demo", { claims: { media }, live })).toEqual([
            "Secret database is gone from namespace replica, although the replica stands. Pulumi makes it again after " +
                "pulumi refresh --stack demo; until then, Jobs wait for it in vain.",
            expect.stringMatching(/^Claim database is gone/),
        ]);
    });

    it("is never a server's Secret or claim where a server is brought", () => {
        const brought = settings({
            database: { volume: undefined, server: { host: "10.1.2.3", passwordSecret: "admin" } },
        });
        const warnings = (sighting: Sighting) => goneWarnings(brought, "understudy/demo", { ...sighting, live });
        expect(warnings({ claims: { media: claims.media } })).toEqual([]);
        expect(warnings({})).toEqual([expect.stringMatching(/^Claim media is gone/)]);
    });

    it("is nothing while the replica is whole, or not there yet", () => {
        expect(
            goneWarnings(settings(), "understudy/demo", {
                claims,
                live,
                credentials: { key: "key", password: "secret", former: "" },
            }),
        ).toEqual([]);
        expect(goneWarnings(settings(), "understudy/demo", {})).toEqual([]);
    });
});

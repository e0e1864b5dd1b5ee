import type { V1PersistentVolume } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { refusals, wipeObjections } from "../../preflight";
import { describeFences, fenceObjections } from "../../preflight/fences";
import { overlap, type Place, placesOf } from "../../preflight/places";
import { parseSettings } from "../../settings";
import type { Sighting } from "../../sighting";
import { entry } from "../entry";

const config = {
    "understudy:source": JSON.stringify({
        namespace: "shop",
        systemIdentifier: "1234567890123456789",
        database: { nfs: { server: "10.0.0.1", path: "/exports/backups" } },
        media: { claim: "files" },
    }),
    "understudy:target": '{"context": "here", "namespace": "replica"}',
    "understudy:image": "shop",
    "understudy:imageTag": "1.0",
    "understudy:database": '{"name": "shop", "owner": "shop", "volume": "2Gi"}',
    "understudy:media": '{"volume": "2Gi"}',
};
const settings = parseSettings(config, "understudy", "demo");

/** A volume that is bound to a claim. */
function volume(claim: string, source: object): V1PersistentVolume {
    const [namespace, name] = claim.split("/");
    return { spec: { capacity: { storage: "1Gi" }, claimRef: { namespace, name }, ...source } } as V1PersistentVolume;
}

/** What is seen where these claims are bound to these volumes. */
function seen(claims: Record<string, object>): Sighting {
    const volumes = Object.entries(claims).map(([claim, source]) => volume(claim, source));
    return { sourceUid: "u", places: placesOf(volumes, "replica"), sourcePlaces: placesOf(volumes, "shop") };
}

const nfs = (path: string, server = "10.0.0.1") => ({ nfs: { server, path } });
const csi = (volumeHandle: string, driver = "ebs.csi.aws.com") => ({ csi: { driver, volumeHandle } });

describe("a claim of the replica's own that leads to production's data", () => {
    it.each<[string, Record<string, object>, RegExp]>([
        [
            "by the same handle",
            { "replica/database": csi("vol-1"), "shop/data": csi("vol-1") },
            /^The claim database of namespace replica leads to volume vol-1 of ebs\.csi\.aws\.com, which is production's \(claim data of namespace shop\)/,
        ],
        [
            "by the same export",
            { "replica/media": nfs("/exports/files"), "shop/files": nfs("/exports/files/") },
            /\/exports\/files of 10\.0\.0\.1, which is production's \(claim files of namespace shop\)/,
        ],
        [
            "by a folder of its export",
            { "replica/media": nfs("/exports/files/in"), "shop/files": nfs("/exports/files") },
            /claim media/,
        ],
        [
            "by an export around its own",
            { "replica/media": nfs("/exports"), "shop/files": nfs("/exports/files") },
            /claim media/,
        ],
        [
            "by the same folder of the nodes",
            { "replica/media": { hostPath: { path: "/srv/files" } }, "shop/files": { local: { path: "/srv/files" } } },
            /\/srv\/files of the node/,
        ],
        ["as the store of its backups", { "replica/database": nfs("/exports/backups/hourly") }, /\(source\.database\)/],
        [
            "as the store of its media, which is a claim",
            { "replica/media": csi("vol-2"), "replica/files": csi("vol-2") },
            /\(source\.media\)/,
        ],
        [
            "by what this program does not know",
            { "replica/database": { iscsi: { iqn: "a", lun: 1 } }, "shop/data": { iscsi: { iqn: "a", lun: 1 } } },
            /claim data of namespace shop/,
        ],
    ])("%s is refused", (_, claims, sentence) => {
        const problems = fenceObjections(settings, seen(claims));
        expect(problems).toEqual([expect.stringMatching(sentence)]);
        expect(problems[0]).toMatch(/: remove that claim, so that the replica gets a volume of its own\.$/);
    });

    it("is no reason to refuse when it leads elsewhere", () => {
        const claims = {
            "replica/database": csi("vol-3"),
            "replica/media": nfs("/exports/files-of-replica"),
            "shop/data": csi("vol-1"),
            "shop/files": nfs("/exports/files"),
            "other/files": nfs("/exports/files-of-replica"),
        };
        expect(fenceObjections(settings, seen(claims))).toEqual([]);
        const elsewhere = { "replica/database": csi("vol-1", "another.driver"), "shop/data": csi("vol-1") };
        expect(fenceObjections(settings, seen(elsewhere))).toEqual([]);
        const otherServer = { "replica/media": nfs("/exports/files", "10.0.0.2"), "shop/files": nfs("/exports/files") };
        expect(fenceObjections(settings, seen(otherServer))).toEqual([]);
    });

    it("is no reason to refuse when that was a claim of the same name, which is gone", () => {
        const released = { ...volume("replica/database", csi("vol-1")), status: { phase: "Released" } };
        const volumes = [volume("replica/database", csi("vol-2")), released, volume("shop/data", csi("vol-1"))];
        const sighting = { places: placesOf(volumes, "replica"), sourcePlaces: placesOf(volumes, "shop") };
        expect(fenceObjections(settings, sighting)).toEqual([]);
    });

    it("keeps a wipe from it", () => {
        const claims = { "replica/media": csi("vol-1"), "shop/files": csi("vol-1") };
        const target = { uid: "t", labels: { "understudy/stack": "understudy.demo" }, annotations: {} };
        const [said, ...more] = wipeObjections(settings, "understudy/demo", { ...seen(claims), target });
        expect(said).toMatch(/^The claim media of namespace replica leads to volume vol-1/);
        expect(more).toEqual([]);
    });

    it("is among the refusals of an update", () => {
        const claims = { "replica/database": csi("vol-1"), "shop/data": csi("vol-1") };
        expect(refusals(settings, "understudy/demo", seen(claims)).join()).toContain("which is production's");
    });

    it("may be named from either side", () => {
        const [inner, outer]: Place[] = [
            { folder: "/a/b", of: "s" },
            { folder: "/a", of: "s" },
        ] as [Place, Place];
        expect([overlap(inner as Place, outer as Place), overlap(outer as Place, inner as Place)]).toEqual([
            true,
            true,
        ]);
        expect(overlap({ folder: "/", of: "s" }, inner as Place)).toBe(true);
        expect(overlap({ folder: "/ab", of: "s" }, outer as Place)).toBe(false);
    });
});

describe("production's server", () => {
    const catalogue = [entry("2026-11-20T02:04:01Z")];

    it("is the one that makes its backups: another identifier guards nothing and is refused", () => {
        const told = catalogue[0]?.systemIdentifier ?? "";
        const stale = { ...settings, source: { ...settings.source, systemIdentifier: "1111111111111111111" } };
        expect(fenceObjections(stale, { catalogue })).toEqual([
            expect.stringMatching(
                new RegExp(
                    `is 1111111111111111111, but production's newest backup .* was made on the server ${told}: write that`,
                ),
            ),
        ]);
        const right = { ...settings, source: { ...settings.source, systemIdentifier: told } };
        expect(fenceObjections(right, { catalogue })).toEqual([]);
    });
});

describe("a preview's fences", () => {
    it("say what was compared, and what nobody knows", () => {
        expect(describeFences(settings, seen({}))).toBe(
            "compared with production's: namespace, volumes, server (1234567890123456789, by the restore)",
        );
        const { systemIdentifier: _, ...source } = settings.source;
        expect(describeFences({ ...settings, source }, { unseen: "no answer" })).toBe(
            "compared with production's: nothing; not known: namespace: it cannot be read; stores' volumes: this user may " +
                "not list volumes; server: source.systemIdentifier is not written",
        );
        const s3 = { bucket: "shop", secret: "reader" };
        expect(describeFences({ ...settings, source: { ...source, media: { s3 } } }, seen({}))).toContain(
            "; a bucket is only read",
        );
    });
});

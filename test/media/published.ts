import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { publishMedia } from "../../agent/publish/media/publish";
import { verifyMedia } from "../../agent/publish/media/verify";
import type { MediaPublication, Publication } from "../../contract/publication";
import { type ApiRequest, type ClusterApi, startClusterApi } from "../cluster-api";
import { never, type Places } from "./places";

/** What the cluster of a test file was told. */
export const told: ApiRequest[] = [];
let account: string;

/** Gives a test file a cluster that publishers can tell of what they have done. */
export function withCluster(): void {
    let api: ClusterApi;
    beforeAll(async () => {
        account = mkdtempSync(join(tmpdir(), "understudy-account-"));
        api = await startClusterApi(account, told);
        Object.assign(process.env, api.env);
    });
    afterAll(() => {
        api?.close();
        rmSync(account, { recursive: true });
    });
}

/** The store of media beside a test's other folders. */
export function storeOf({ folder }: Places): string {
    const store = join(folder, "store");
    mkdirSync(store, { recursive: true });
    return store;
}

/** The part of production's plan that is about media. */
export function publicationFor(places: Places, change: Partial<MediaPublication> = {}): Publication {
    const media: MediaPublication = {
        ...{ source: places.source, store: storeOf(places), group: process.getgid?.() ?? 0 },
        ...{ exclude: [], links: "refuse", minimumFiles: 1, maximumDeletions: 20 },
        ...change,
    };
    return { media, cluster: { account, namespace: "production" } } as Publication;
}

export function publish(places: Places, change?: Partial<MediaPublication>): Promise<string> {
    return publishMedia(publicationFor(places, change), never);
}

export function verify(places: Places): Promise<string> {
    return verifyMedia(publicationFor(places), never);
}

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { publishMedia } from "../../agent/publish/media/publish";
import { verifyMedia } from "../../agent/publish/media/verify";
import type { MediaPublication, Publication } from "../../contract/publication";
import { never, type Places } from "./places";

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
    return { media } as Publication;
}

export function publish(places: Places, change?: Partial<MediaPublication>): Promise<string> {
    return publishMedia(publicationFor(places, change), never);
}

export function verify(places: Places): Promise<string> {
    return verifyMedia(publicationFor(places), never);
}

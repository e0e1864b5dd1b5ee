import { demoImage } from "../demo/image";
import { buildImage, loadImages, mailpitImage, nginxImage, nodeImage, postgresImage } from "./cluster/images";
import type { Cluster } from "./cluster/index";

/**
 * Makes the images that the demo and the scenarios use, and loads them into a cluster.
 *
 * @returns for somebody's own cluster, the sentence that says how to load them; else undefined.
 */
export async function provideImages(cluster: Cluster): Promise<string | undefined> {
    const archives: string[] = [];
    for (const image of [nodeImage, postgresImage, nginxImage, mailpitImage, demoImage]) {
        archives.push(await buildImage(await image()));
    }
    return loadImages(cluster, archives);
}

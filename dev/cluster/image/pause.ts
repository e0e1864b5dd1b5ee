import { basename, dirname, join } from "node:path";
import { hashOf, once } from "../../cache";
import { pauseImage } from "../components";
import { packLayer, writeArchive } from "./archive";

/** The archive of the image that pods start with; the program is all there is in it. */
export async function pauseArchive(program: string): Promise<string> {
    const folder = await once("image-pause", hashOf(program, pauseImage), async (partial) => {
        const layer = await packLayer(
            dirname(program),
            { changed: [basename(program)], gone: [] },
            join(partial, "layer.tar"),
        );
        await writeArchive(join(partial, "image.tar"), [pauseImage], [layer], {
            Entrypoint: ["/pause"],
            User: "65535:65535",
        });
    });
    return join(folder, "image.tar");
}

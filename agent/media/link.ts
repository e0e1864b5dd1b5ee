import { rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type CopyPlan, generationFolder, mediaLink } from "../../contract";

/** Lets the link lead to the plan's generation, at once for everybody, where the plan wants a link. */
export async function linkMedia({ media: { volume, generation, linked } }: Pick<CopyPlan, "media">): Promise<void> {
    if (linked === true) {
        const aside = join(volume, `.understudy.${mediaLink}`);
        await rm(aside, { force: true });
        await symlink(generationFolder(generation), aside);
        await rename(aside, join(volume, mediaLink));
    }
}

import { sinkImage } from "../../../settings/mail";
import { mailpitProgram } from "../../mailpit";
import { nodeImage } from "./node";
import type { ImageSpec } from "./spec";

/** An image in the place of Mailpit's: the same program name and ports, and what understudy uses of it. */
export async function mailpitImage(): Promise<ImageSpec> {
    return {
        tags: [sinkImage],
        base: await nodeImage(),
        files: [{ path: "/mailpit", content: `#!/usr/local/bin/node\n${await mailpitProgram()}`, mode: 0o755 }],
        ports: [1025, 8025],
        entrypoint: ["/mailpit"],
    };
}

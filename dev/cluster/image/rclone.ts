import { rcloneImage as name } from "../../../components/bucket";
import { ensureRclone } from "../../rclone";
import type { ImageSpec } from "./spec";

/** An image with the contract of the official `rclone/rclone`: rclone, and the certificates of the authorities it trusts. */
export async function rcloneImage(): Promise<ImageSpec> {
    return {
        tags: [name],
        packages: ["ca-certificates"],
        files: [{ path: "/usr/local/bin/rclone", from: await ensureRclone(), mode: 0o755 }],
        env: { XDG_CONFIG_HOME: "/config" },
        workdir: "/data",
        entrypoint: ["rclone"],
    };
}

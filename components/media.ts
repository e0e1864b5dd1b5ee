import { generationFolder, generationMarker } from "../contract";
import type { Store } from "../settings/store";
import { nodeImage } from "./agent-pod";
import { resources, restrictedContainer } from "./pod";
import { replicaClaim, sourceClaim } from "./volumes";

/** What a pod needs to see one generation of the media at a path, and nothing of the others. */
export function mediaMount(mountPath: string, generation: string) {
    const name = "media";
    return {
        volume: { name, persistentVolumeClaim: { claimName: replicaClaim("media") } },
        mount: { name, mountPath, subPath: generationFolder(generation) },
        guard: mediaGuard(name, generation),
        isOwn: true,
    };
}

/** What a pod needs to read production's own media at a path. Whoever writes there gets an error. */
export function sharedMediaMount(mountPath: string, store: Store) {
    const name = "media";
    return {
        volume: { name, persistentVolumeClaim: { claimName: sourceClaim("media", store), readOnly: true } },
        mount: { name, mountPath, readOnly: true },
        guard: undefined,
        isOwn: false,
    };
}

/**
 * Refuses to start on media that is not complete. Without it the kubelet would make the missing folder, and the
 * application would come up green and empty.
 */
function mediaGuard(volume: string, generation: string) {
    const marker = `/media/${generationMarker(generation)}`;
    const complaint = `media generation ${generation} is not complete on this volume: refresh the media again`;
    return {
        name: "media-guard",
        image: nodeImage,
        command: ["sh", "-c", `test -f ${marker} || { echo "${complaint}" > /dev/termination-log; exit 1; }`],
        securityContext: restrictedContainer,
        resources: resources("8Mi", "64Mi"),
        volumeMounts: [{ name: volume, mountPath: "/media", readOnly: true }],
    };
}

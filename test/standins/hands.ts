import { setTimeout as sleep } from "node:timers/promises";
import {
    ApiException,
    KubeConfig,
    type KubernetesObject,
    KubernetesObjectApi,
    PatchStrategy,
} from "@kubernetes/client-node";

/** Changes the cluster as somebody else than Pulumi would. */
export class Hands {
    private readonly objects: KubernetesObjectApi;

    constructor(kubeconfig: string) {
        const config = new KubeConfig();
        config.loadFromFile(kubeconfig);
        this.objects = KubernetesObjectApi.makeApiClient(config);
    }

    /** Makes an object. */
    async make(object: KubernetesObject): Promise<void> {
        await this.objects.create(object, undefined, undefined, "hands");
    }

    /** Merges fields into an object that exists. */
    async change(object: KubernetesObject): Promise<void> {
        await this.objects.patch(object, undefined, undefined, "hands", undefined, PatchStrategy.MergePatch);
    }

    /** Deletes an object and waits until it is gone; one that is gone already is no error. */
    async remove(object: KubernetesObject): Promise<void> {
        const { apiVersion, kind, metadata } = object;
        const header = {
            apiVersion,
            kind,
            metadata: { name: metadata?.name ?? "", namespace: metadata?.namespace ?? "" },
        };
        try {
            const former = await this.objects.read(header);
            await this.objects.delete(object, undefined, undefined, undefined, undefined, "Background");
            // Whoever owns it may make another one with the same name.
            while ((await this.objects.read(header)).metadata?.uid === former.metadata?.uid) await sleep(200);
        } catch (error) {
            if (!(error instanceof ApiException && error.code === 404)) throw error;
        }
    }
}

import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "../settings";
import type { Place } from "./labels";
import { policiesOf } from "./network-policy";
import { createQuota, quotaOf } from "./quota";

/** Arguments of an {@link Isolation}. */
export interface IsolationArgs extends Place {
    settings: Settings;
}

/** The replica's fence: nobody gets in or out but by a policy, and no more is taken of the cluster than may be. */
export class Isolation extends pulumi.ComponentResource {
    constructor(name: string, args: IsolationArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:Isolation", name, {}, options);
        const { settings } = args;
        for (const policy of policiesOf(settings, args)) {
            new kubernetes.networking.v1.NetworkPolicy(`${name}-${policy.metadata.name}`, policy, { parent: this });
        }
        const quota = quotaOf(settings);
        if (quota !== undefined) {
            createQuota(name, args, quota, { parent: this });
        }
        this.registerOutputs();
    }
}

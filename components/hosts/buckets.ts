import * as pulumi from "@pulumi/pulumi";
import { amendOrder, type Order } from "../../hosts/order";
import type { HostBuckets } from "../../settings/hosts/buckets";
import { bucketsPlan, uploadsPlan } from "../bucket-plan";
import { Buckets } from "../buckets";
import { digest } from "../digest";
import { Command } from "./command";

/** Folder for keys, in the folder of the run. */
const folder = "keys";

/** What is known of buckets before anything is made: of copies nothing where an identity is to be made. */
export function bucketsOf(stack: string, buckets: HostBuckets | undefined): Pick<Order, "buckets" | "uploads"> {
    if (buckets === undefined) {
        return {};
    }
    const { copies, uploads, rclone } = buckets;
    const isKnown = copies.length > 0 && !copies.some(({ to }) => to.create);
    return {
        ...(isKnown && { buckets: bucketsPlan(buckets, { stack, rclone, folder }) }),
        ...(uploads !== undefined && { uploads: uploadsPlan(uploads, { rclone, folder }) }),
    };
}

/** What {@link createBuckets} needs. */
export interface BucketCopiesArgs {
    stack: string;
    settings: HostBuckets;
    /** What has to be there before. */
    ready: pulumi.Output<unknown>;
}

/** Makes the targets that are to be made, then the copies. */
export function createBuckets(args: BucketCopiesArgs, options: pulumi.ComponentResourceOptions): Command {
    const { stack, settings, ready } = args;
    const { copies, refresh, rclone } = settings;
    const made = new Buckets("buckets", { settings, stack, rclone, folder }, { parent: options.parent });
    const told = pulumi.all([ready, made.plan, made.keys]).apply(([, plan, keys]) => {
        if (!pulumi.runtime.isDryRun()) {
            amendOrder(stack, { buckets: { plan, keys } });
        }
        return "told";
    });
    const places = copies.map(({ from, to }) => ({ from: placeOf(from), to: placeOf(to) }));
    return new Command(
        "copy-buckets",
        { stack, words: ["copy-buckets"], because: { refresh, copies: digest({ places }) }, ready: told },
        options,
    );
}

function placeOf({ bucket, prefix = "", endpoint = "" }: HostBuckets["copies"][number]["from"]): string {
    return `${endpoint}/${bucket}/${prefix}`;
}

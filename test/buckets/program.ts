import * as pulumi from "@pulumi/pulumi";
import { Buckets } from "../../components/buckets";
import { buckets } from "../../settings/buckets";

/** The settings of `buckets`, made into what they stand for. */
export = async () => {
    const settings = buckets.parse(new pulumi.Config().requireObject("buckets"));
    const made = new Buckets("buckets", { settings, stack: "understudy/test", rclone: "rclone", folder: "/run/keys" });
    return { plan: made.plan, keys: made.keys };
};

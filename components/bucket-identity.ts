import * as aws from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import type { BucketKeys } from "../contract/buckets";
import type { Policy } from "./bucket-policies";

/** Arguments of a {@link BucketIdentity}. */
export interface BucketIdentityArgs {
    /** All that it may do. */
    policy: Policy;
    /** ARN of whoever may take on a role that is made in place of a user with keys: somebody of another account, as a rule. */
    principal?: string;
}

/** As whom the agent asks: with keys, or in a role that it takes on with those that it has. */
export type MadeIdentity = { keys: BucketKeys } | { role: string };

/** Somebody who may do one thing with one place: a user with keys of its own, or a role that somebody takes on. */
export class BucketIdentity extends pulumi.ComponentResource {
    /** A secret where it holds keys. */
    readonly identity: pulumi.Output<MadeIdentity>;

    constructor(name: string, { policy, principal }: BucketIdentityArgs, options: pulumi.ComponentResourceOptions) {
        super("understudy:index:BucketIdentity", name, {}, options);
        this.identity = principal === undefined ? this.user(name, policy) : this.role(name, policy, principal);
        this.registerOutputs();
    }

    private user(name: string, policy: Policy): pulumi.Output<MadeIdentity> {
        const user = new aws.User(`${name}-user`, { path: "/understudy/" }, { parent: this });
        const granted = new aws.UserPolicy(
            `${name}-policy`,
            { user: user.name, policy: JSON.stringify(policy) },
            { parent: this },
        );
        const key = new aws.AccessKey(`${name}-key`, { user: user.name }, { parent: this, dependsOn: [granted] });
        const keys = pulumi.all([key.id, key.secret]).apply(([accessKeyId, secretAccessKey]) => ({
            keys: { accessKeyId, secretAccessKey },
        }));
        return pulumi.secret(keys);
    }

    private role(name: string, policy: Policy, principal: string): pulumi.Output<MadeIdentity> {
        const assumeRolePolicy = JSON.stringify({
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Principal: { AWS: principal }, Action: "sts:AssumeRole" }],
        });
        const role = new aws.Role(`${name}-role`, { path: "/understudy/", assumeRolePolicy }, { parent: this });
        const granted = new aws.RolePolicy(
            `${name}-policy`,
            { role: role.name, policy: JSON.stringify(policy) },
            { parent: this },
        );
        // Whoever takes it on before it may do anything is refused.
        return pulumi.all([role.arn, granted.id]).apply(([arn]) => ({ role: arn }));
    }
}

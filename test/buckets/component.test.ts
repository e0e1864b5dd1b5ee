import { beforeAll, describe, expect, test } from "vitest";
import { readPolicy, writePolicy } from "../../components/bucket-policies";
import { bucketsSchema } from "../../contract/buckets";
import { isSecret, type Run, runProgram } from "../program/monitor";
import { find } from "../program/registered";

const from = { bucket: "production-media", prefix: "site" };
const to = { bucket: "stage-media", prefix: "site", region: "us-east-2", create: true };
const arn = "arn:aws:iam::123456789012:user/copier";

function runWith(copy: object): Promise<Run> {
    const config = { "understudy:buckets": JSON.stringify({ copies: [copy] }) };
    return runProgram({ config, program: "./test/buckets/program.cjs" });
}

/** Everything that was registered, by type. */
const types = ({ registrations }: Run) =>
    registrations
        .map(({ type }) => type)
        .filter((type) => type.startsWith("aws:"))
        .sort();

describe("a target that is to be made", () => {
    let run: Run;
    beforeAll(async () => {
        run = await runWith({ from, to });
    });

    test("comes with all that keeps it private, and with two users", () => {
        expect(run.status).toBe(0);
        expect(types(run)).toEqual([
            ...["aws:iam/accessKey:AccessKey", "aws:iam/accessKey:AccessKey"],
            ...[
                "aws:iam/user:User",
                "aws:iam/user:User",
                "aws:iam/userPolicy:UserPolicy",
                "aws:iam/userPolicy:UserPolicy",
            ],
            "aws:s3/bucket:Bucket",
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "aws:s3/bucketVersioning:BucketVersioning",
        ]);
    });

    test("is private, encrypted, versioned, and forgets what nobody needs", () => {
        expect(find(run, "aws:s3/bucket:Bucket").inputs).toMatchObject({ bucket: "stage-media", forceDestroy: true });
        expect(find(run, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs).toEqual({
            ...{ bucket: "stage-media", blockPublicAcls: true, blockPublicPolicy: true },
            ...{ ignorePublicAcls: true, restrictPublicBuckets: true },
        });
        const ownership = find(run, "aws:s3/bucketOwnershipControls:BucketOwnershipControls").inputs;
        expect(ownership.rule).toEqual({ objectOwnership: "BucketOwnerEnforced" });
        const encryption = find(
            run,
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        );
        expect(encryption.inputs.rules).toEqual([{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }]);
        expect(find(run, "aws:s3/bucketVersioning:BucketVersioning").inputs.versioningConfiguration).toEqual({
            status: "Enabled",
        });
        expect(
            find(run, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs.rules,
        ).toMatchObject([
            { status: "Enabled", noncurrentVersionExpiration: { noncurrentDays: 30 } },
            { status: "Enabled", expiration: { expiredObjectDeleteMarker: true } },
            { status: "Enabled", abortIncompleteMultipartUpload: { daysAfterInitiation: 1 } },
        ]);
    });

    test("is made with a provider of its own in its region, not with a default one", () => {
        const provider = find(run, "pulumi:providers:aws");
        expect(provider.inputs).toMatchObject({ region: "us-east-2" });
        for (const one of run.registrations.filter(({ type }) => type.startsWith("aws:"))) {
            expect(one.provider, one.name).toContain(provider.urn);
        }
    });

    test("S3-12: is written by one user and its source is read by another, neither of whom may do more", () => {
        const policy = (role: string) =>
            JSON.parse(String(find(run, "aws:iam/userPolicy:UserPolicy", `buckets-0-${role}-policy`).inputs.policy));
        expect(policy("reader")).toEqual(readPolicy(from));
        expect(policy("writer")).toEqual(writePolicy(to));
    });

    test("S3-12: keys are secret outputs, and the plan names only their files", () => {
        expect(isSecret(run.outputs.keys)).toBe(true);
        const plan = bucketsSchema.parse(run.outputs.plan);
        expect(plan.copies[0]).toMatchObject({
            from: { ...from, identity: { file: "/run/keys/copy-0-from.json" } },
            to: { bucket: "stage-media", prefix: "site", identity: { file: "/run/keys/copy-0-to.json" } },
        });
    });
});

test("S3-12: keys of a stack file are secret, too, and in no part of the plan", async () => {
    const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "in-the-stack-file" };
    const run = await runWith({ from: { ...from, credentials }, to: { ...to, create: false, credentials } });
    expect(isSecret(run.outputs.keys)).toBe(true);
    expect(JSON.stringify(run.outputs.keys)).toContain("in-the-stack-file");
    expect(JSON.stringify([run.outputs.plan, run.registrations, run.log])).not.toMatch(/AKIAEXAMPLE|in-the-stack-file/);
});

describe("identities that somebody else has", () => {
    test("are roles which these take on, where a principal is written", async () => {
        const run = await runWith({
            from: { ...from, profile: "copier", principal: arn },
            to: { ...to, profile: "copier", principal: arn },
        });
        expect(types(run).filter((type) => type.startsWith("aws:iam"))).toEqual([
            ...[
                "aws:iam/role:Role",
                "aws:iam/role:Role",
                "aws:iam/rolePolicy:RolePolicy",
                "aws:iam/rolePolicy:RolePolicy",
            ],
        ]);
        const role = find(run, "aws:iam/role:Role", "buckets-0-reader-role");
        expect(JSON.parse(String(role.inputs.assumeRolePolicy))).toEqual({
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Principal: { AWS: arn }, Action: "sts:AssumeRole" }],
        });
        const granted = find(run, "aws:iam/rolePolicy:RolePolicy", "buckets-0-reader-policy");
        expect(JSON.parse(String(granted.inputs.policy))).toEqual(readPolicy(from));
    });

    test("are used as they are, where they are written", async () => {
        const run = await runWith({ from: { ...from, profile: "reader" }, to: { ...to, profile: "writer" } });
        expect(types(run).filter((type) => type.startsWith("aws:iam"))).toEqual([]);
        const plan = bucketsSchema.parse(run.outputs.plan);
        expect(plan.copies[0]).toMatchObject({
            from: { identity: { profile: "reader" } },
            to: { identity: { profile: "writer" } },
        });
    });

    test("and a target that is there: nothing is made", async () => {
        const run = await runWith({
            from: { ...from, profile: "reader" },
            to: { ...to, create: false, profile: "writer" },
        });
        expect([run.status, types(run)]).toEqual([0, []]);
    });
});

/** What a pod needs for a bucket: rclone, and how it gets there. */
import type { Origin } from "../contract";
import type { S3, Store } from "../settings/store";
import { resources, restrictedContainer } from "./pod";

/** Official rclone image, where the agent's Jobs get the binary from. */
export const rcloneImage = "rclone/rclone:1.75.1";

const folder = "/rclone";

/** Where the agent finds what is in a store: the folder that it is mounted at, or the bucket. */
export function originOf({ s3 }: Store, mountPath: string): Origin {
    return s3 === undefined ? mountPath : remoteOf(s3, "source");
}

/** What a bucket is for: what production keeps, or the other place where its backups go. */
type Purpose = "source" | "offsite";

/** A bucket as the agent is told of it. */
export function remoteOf({ bucket, prefix }: S3, purpose: Purpose) {
    const path = prefix === undefined ? bucket : `${bucket}/${prefix}`;
    return { rclone: `${folder}/rclone`, remote: `${purpose}:${path}` };
}

/** What a pod and the container with a way to a bucket have more than others. */
export function bucketAccess(s3: S3, purpose: Purpose = "source") {
    const name = "rclone";
    return {
        volume: { name, emptyDir: {} },
        mount: { name, mountPath: folder, readOnly: true },
        env: environment(s3, purpose),
        initContainer: {
            name,
            image: rcloneImage,
            // The images that it runs in know no certificate authorities.
            command: ["cp", "/usr/local/bin/rclone", "/etc/ssl/certs/ca-certificates.crt", `${folder}/`],
            securityContext: restrictedContainer,
            resources: resources("16Mi", "256Mi"),
            volumeMounts: [{ name, mountPath: folder }],
        },
    };
}

/** The remote, as rclone reads it from its environment: credentials are in no argument and no file. */
function environment({ endpoint, region, provider, secret }: S3, purpose: Purpose) {
    const prefix = `RCLONE_CONFIG_${purpose.toUpperCase()}`;
    const remote = {
        TYPE: "s3",
        PROVIDER: provider ?? (endpoint === undefined ? "AWS" : "Other"),
        ...(endpoint !== undefined && { ENDPOINT: endpoint }),
        ...(region !== undefined && { REGION: region }),
    };
    const settings = Object.entries(remote).map(([name, value]) => ({ name: `${prefix}_${name}`, value }));
    const credentials = ["access-key-id", "secret-access-key"].map((key) => ({
        name: `${prefix}_${key.replaceAll("-", "_").toUpperCase()}`,
        valueFrom: { secretKeyRef: { name: secret, key } },
    }));
    return [...settings, ...credentials, { name: "SSL_CERT_FILE", value: `${folder}/ca-certificates.crt` }];
}

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command";
import { addresses, apiPort, type Layout } from "./layout";

const days = "3650";

/** Makes the cluster's authority, its certificates and kubeconfig files, unless they are there. */
export async function ensureCertificates(layout: Layout): Promise<void> {
    const folder = join(layout.state, "pki");
    if (!existsSync(folder)) {
        await makeCertificates(layout, folder);
    }
    writeKubeconfig(layout, folder, "admin", layout.kubeconfig);
}

/** All or none: a folder without one of them would not be noticed. */
async function makeCertificates(layout: Layout, folder: string): Promise<void> {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true, mode: 0o700 });
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

    const openssl = (args: string[]) => run("openssl", args, { cwd: partial });
    const selfSigned = (name: string) => [
        ...curve,
        "-x509",
        "-days",
        days,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.crt`,
    ];

    await openssl(["req", "-subj", `/CN=${layout.title}`, ...selfSigned("ca")]);
    await openssl(["req", "-subj", "/CN=service-accounts", ...selfSigned("accounts")]);
    for (const { name, subject, names } of certificates(layout)) {
        await openssl(["req", "-new", ...curve, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`]);
        writeFileSync(join(partial, `${name}.extensions`), `subjectAltName=${names.join(",")}\n`);
        const issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", `${name}.extensions`];
        await openssl(["x509", "-req", "-in", `${name}.csr`, ...issuer, "-days", days, "-out", `${name}.crt`]);
    }
    writeKubeconfig(layout, partial, "kubelet", join(partial, "kubelet.kubeconfig"));
    renameSync(partial, folder);
}

function certificates(layout: Layout): { name: string; subject: string; names: string[] }[] {
    const service = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    const hosts = ["127.0.0.1", layout.nodeAddress, addresses.apiService].map((address) => `IP:${address}`);
    return [
        {
            name: "apiserver",
            subject: "/CN=kube-apiserver",
            names: [...hosts, ...[...service, "localhost"].map((name) => `DNS:${name}`)],
        },
        { name: "admin", subject: "/O=system:masters/CN=admin", names: ["DNS:admin"] },
        {
            name: "kubelet",
            subject: `/O=system:nodes/CN=system:node:${layout.title}`,
            names: [`DNS:${layout.title}`, `IP:${layout.nodeAddress}`],
        },
    ];
}

/** The file holds the certificates themselves: it can be copied anywhere on this machine. JSON is YAML as well. */
function writeKubeconfig(layout: Layout, pki: string, user: string, path: string): void {
    const data = (file: string) => readFileSync(join(pki, file)).toString("base64");
    const { title } = layout;
    const content = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [
            {
                name: title,
                cluster: {
                    server: `https://${layout.nodeAddress}:${apiPort}`,
                    "certificate-authority-data": data("ca.crt"),
                },
            },
        ],
        users: [
            {
                name: title,
                user: { "client-certificate-data": data(`${user}.crt`), "client-key-data": data(`${user}.key`) },
            },
        ],
        contexts: [{ name: title, context: { cluster: title, user: title } }],
        "current-context": title,
    };
    writeFileSync(path, `${JSON.stringify(content, undefined, 2)}\n`);
    chmodSync(path, 0o600);
}

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import yaml from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStackFile } from "../../cli/stack-files";
import { publicUrl } from "../../components/address";
import { parseSettings, parseStack } from "../../settings";
import { configOf } from "../program/monitor";

const root = path.join(__dirname, "../..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const stacks = readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
const replicas = stacks.filter((stack) => stack !== "production");
const settingsOf = (stack: string) => parseSettings(configOf(read(`Pulumi.${stack}.yaml`)), "understudy", stack);

describe("the committed stack files", () => {
    it("are the demo's, staging's, a developer's, and production's side", () => {
        expect(stacks.sort()).toEqual(["demo", "dev-alan", "production", "staging"]);
    });

    it.each(stacks)("%s carries no secret", (stack) => {
        expect(read(`Pulumi.${stack}.yaml`)).not.toMatch(/secure:|secretsprovider:|encryptedkey:/);
    });

    it.each(replicas)("%s is understood, and its environment holds no secret", (stack) => {
        for (const [name, value] of Object.entries(settingsOf(stack).application?.environment ?? {})) {
            expect(/PASSWORD|SECRET|KEY|TOKEN/.test(name) && !value.startsWith("$("), name).toBe(false);
        }
    });

    it.each(["staging", "dev-alan", "production"])(
        "%s carries no salt: the one who makes the stack gets another",
        (stack) => {
            expect(Object.keys(yaml.load(read(`Pulumi.${stack}.yaml`)) as object)).toEqual(["config"]);
        },
    );

    it("put staging beside production, and the developer on another cluster at a host of their own", () => {
        const [staging, alan] = [settingsOf("staging"), settingsOf("dev-alan")];
        expect(staging.target).toMatchObject({ context: "production-cluster", namespace: "staging-stack" });
        expect(staging.source.namespace).toBe("production-stack");
        expect(publicUrl(staging)).toBe("https://fragalysis-staging.example.org");
        expect(alan.target.context).not.toBe(staging.target.context);
        expect(alan.target.namespace).toBe("stack-alan-default");
        expect(publicUrl(alan)).toBe("https://stack-alan-default.fragalysis.example.org");
    });

    it("make backups of what staging restores, in production's namespace, as the playbooks kept them", () => {
        const publisher = parseStack(configOf(read("Pulumi.production.yaml")), "understudy", "production");
        const staging = settingsOf("staging");
        expect(publisher).toMatchObject({
            role: "source",
            source: {
                context: staging.source.context,
                namespace: staging.source.namespace,
                workload: staging.source.workload,
            },
            database: { names: [staging.database.name], image: staging.database.image },
            store: { keep: { hourly: 24, daily: 7, weekly: 4, monthly: 12 } },
            schedule: "51 * * * *",
        });
    });

    it("keep the times and the flags that the Fragalysis playbooks had", () => {
        for (const stack of ["staging", "dev-alan"]) {
            expect(settingsOf(stack)).toMatchObject({
                database: { name: "frag", timeout: 15 * 60 },
                media: { volume: "400Gi", timeout: 90 * 60 },
                application: { pooler: { minPoolSize: 16, maxConnections: 16 } },
                removeDatabaseVolume: true,
                removeMediaVolume: false,
            });
        }
    });
});

describe("the tables of settings", () => {
    it("list every setting that the committed stack files write", () => {
        for (const stack of stacks) {
            const text = read(stack === "production" ? "docs/publisher.md" : "docs/settings.md");
            for (const [key, value] of Object.entries(configOf(read(`Pulumi.${stack}.yaml`)))) {
                const name = key.replace("understudy:", "");
                const inner = value.startsWith("{")
                    ? Object.keys(JSON.parse(value)).map((k) => `${name}.${k}`)
                    : [name];
                for (const setting of inner) {
                    expect(text, setting).toMatch(new RegExp(`\\| .*\`${setting.replace(".", "\\.")}(\\.<name>)?\``));
                }
            }
        }
    });
});

describe("the project file", () => {
    it("asks a newcomer for settings that there are, as plain text", () => {
        const { template } = yaml.load(read("Pulumi.yaml")) as {
            template: { config: Record<string, { description: string }> };
        };
        const asked = Object.entries(template.config);
        expect(asked.map(([name]) => name)).toEqual(["image", "imageTag"]);
        for (const [name, { description }] of asked) {
            expect(settingsOf("staging")).toHaveProperty(name, expect.any(String));
            expect(description).not.toBe("");
        }
    });
});

describe("a stack file that is read without Pulumi", () => {
    let folder: string;
    beforeAll(() => {
        folder = mkdtempSync(path.join(tmpdir(), "understudy-stack-files-"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const reading = (text: string) => {
        writeFileSync(path.join(folder, "Pulumi.demo.yaml"), text);
        return readStackFile(folder, "demo");
    };

    it("has another text in the place of one that is encrypted, wherever that stands", async () => {
        const text = `config:
  understudy:hold: { secure: v1:abc }
  understudy:hosts: { a: { ssh: { key: { secure: v1:def } } } }
  understudy:services: [{ name: { secure: v1:ghi }, port: 80 }]
`;
        expect(await reading(text)).toEqual({
            "understudy:hold": "encrypted",
            "understudy:hosts": '{"a":{"ssh":{"key":"encrypted"}}}',
            "understudy:services": '[{"name":"encrypted","port":80}]',
        });
    });

    it("is understood where what is encrypted would have to look like an address, or a private key", async () => {
        const replica = `config:
  understudy:source: { database: { hostPath: /a }, media: { hostPath: /b } }
  understudy:target: { context: here, namespace: replica }
  understudy:image: shop
  understudy:imageTag: "1.0"
  understudy:database: { name: shop, owner: shop, volume: 2Gi }
  understudy:media: { volume: 2Gi }
  understudy:notices: { url: { secure: v1:abc } }
`;
        expect(parseStack(await reading(replica), "understudy", "demo").role).toBe("replica");
        const ssh =
            "ssh: { host: example.org, user: deploy, knownHosts: example.org ssh-ed25519 AAAA, key: { secure: v1:def } }";
        const hosts = `config:
  understudy:hosts: { production: { ${ssh} }, staging: { ${ssh} } }
  understudy:source: { database: { host: production } }
  understudy:target: { host: staging, login: { user: shop_app, password: { secure: v1:ghi } } }
  understudy:database: { name: shop, owner: shop }
`;
        expect(parseStack(await reading(hosts), "understudy", "demo").role).toBe("hosts");
    });

    it("that is not there, or no YAML, is refused in one sentence without what it holds", async () => {
        await expect(readStackFile(folder, "absent")).rejects.toThrow(
            /^There is no Pulumi\.absent\.yaml in this folder: write the name of a stack that has its file here\.$/,
        );
        await expect(reading("config:\n  password: planted\n bad: [\n")).rejects.toThrow(
            /^Pulumi\.demo\.yaml is not YAML: [^\n]+\. Correct that line\.$/,
        );
        await expect(reading("config:\n  password: planted\n bad: [\n")).rejects.not.toThrow(/planted/);
    });
});

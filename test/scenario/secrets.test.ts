import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import {
    AppsV1Api,
    BatchV1Api,
    CoreV1Api,
    EventsV1Api,
    NetworkingV1Api,
    RbacAuthorizationV1Api,
} from "@kubernetes/client-node";
import { beforeAll, describe, expect, it } from "vitest";
import { cache } from "../../dev/cache";
import { buildImage, loadImages, poolerImage } from "../../dev/cluster/images";
import { lane } from "./lane";
import { openStage, type Stage } from "./stage";

/** Every secret that there is, production's and the replica's own, and every place that somebody can look at. */
describe("secrets", () => {
    let stage: Stage;
    /** Secrets by what they are. */
    const planted = new Map<string, string>();
    /** Texts by where they were found. */
    const seen = new Map<string, string>();
    const settings: Record<string, unknown> = {};
    const began = Date.now();
    const token = "tok_5f1b2c0f6f0e4f3c";

    beforeAll(async () => {
        stage = await openStage();
        await loadImages(stage.cluster, [await buildImage(poolerImage())]);
        const copy = `for secrets, ${new Date().toISOString()}`;
        Object.assign(settings, {
            "database.refresh": copy,
            "media.refresh": copy,
            "application.secrets": ["SESSION_KEY"],
            "application.pooler": {},
            masking: { file: "test/scenario/masking.yaml" },
            hooks: {
                afterRestore: [
                    {
                        sql: "create table of_hooks as select current_setting('understudy.token') as word, ''::text as name",
                    },
                ],
                secrets: { token: { secret: "integration", key: "token" } },
            },
        });
    });

    it("1. are planted: production's passwords, their hashes and tokens, a token of the replica's own", async () => {
        await stage.sql(
            "production",
            "postgres",
            "drop role if exists planted; create role planted login password 'pl4nted-in-production'",
        );
        const hashes = "select rolname, rolpassword from pg_authid where rolpassword is not null";
        for (const line of (await stage.sql("production", "postgres", hashes)).split("\n")) {
            const [role = "", hash = ""] = line.split("|");
            planted.set(`the hash of production's role ${role}`, hash);
        }
        planted.set("the password of production's role planted", "pl4nted-in-production");
        planted.set("the hooks' token", token);
        await secretsIn("production");
        // The namespace is this stack's as soon as an update has made it.
        expect((await stage.up()).status).toBe(0);
        await stage.core
            .createNamespacedSecret({
                namespace: stage.namespace,
                body: { metadata: { name: "integration" }, stringData: { token } },
            })
            .catch(() => undefined);
        expect(planted.size).toBeGreaterThan(4);
    });

    it("2. are used, while everybody looks", async () => {
        const processes = setInterval(() => void commandLines(), 200);
        const update = await stage.up(settings);
        expect(update.status, update.output).toBe(0);
        seen.set("the update's output", update.output);
        await secretsIn(stage.namespace);
        await look("first");

        const rotated = { ...settings, "credentials.rotate": "2" };
        const preview = await stage.preview(rotated);
        seen.set("the preview's output", preview.output);
        seen.set("the preview with every property", (await stage.command("preview", "scenario", "--diff")).output);
        const [role, password] = [...planted].find(([what]) => /Secret login-.*password/.test(what)) ?? [];
        expect(role).toBeDefined();
        const again = await stage.up(rotated);
        expect(again.status, again.output).toBe(0);
        seen.set("the rotation's output", again.output);
        seen.set("the status", (await stage.command("status", "scenario", "--json")).output);
        await secretsIn(stage.namespace);
        await look("second");
        clearInterval(processes);
        // The application came up with the new one, and nobody gets in with the one before.
        const url = `http://${stage.cluster.address}:30080/health`;
        expect((await fetch(url)).status).toBe(200);
        expect([...planted.values()].filter((value) => value === password)).toHaveLength(1);
        const verifier = "select count(distinct rolpassword) from pg_authid where rolpassword is not null";
        expect(Number(await stage.sql(stage.namespace, "postgres", verifier))).toBeGreaterThan(1);
    });

    it("3. are nowhere but in Secrets", () => {
        expect(seen.size).toBeGreaterThan(30);
        const found: string[] = [];
        for (const [what, secret] of planted) {
            const forms = [
                secret,
                Buffer.from(secret).toString("base64").replace(/=+$/, ""),
                JSON.stringify(secret).slice(1, -1),
            ];
            for (const [where, text] of seen) {
                if (forms.some((form) => text.includes(form))) {
                    found.push(`${what} in ${where}`);
                }
            }
        }
        expect(found.join("\n")).toBe("");
    });

    it("4. of production are in nothing that the replica has (S1-04)", async () => {
        const roles =
            "select coalesce(string_agg(rolname || ' ' || coalesce(rolpassword, ''), ' '), '') from pg_authid";
        const known = await stage.sql(stage.namespace, "postgres", roles);
        const { items } = await stage.core.listNamespacedSecret({ namespace: stage.namespace });
        const kept = items.flatMap(({ data = {} }) =>
            Object.values(data).map((value) => Buffer.from(value, "base64").toString()),
        );
        for (const [what, secret] of planted) {
            if (what.includes("production")) {
                expect(known.includes(secret) || kept.some((value) => value.includes(secret)), what).toBe(false);
            }
        }
    });

    /** Values that are long enough to be told from anything else. */
    async function secretsIn(namespace: string) {
        const { items } = await stage.core.listNamespacedSecret({ namespace });
        for (const { metadata, data = {} } of items) {
            for (const [key, encoded] of Object.entries(data)) {
                for (const line of Buffer.from(encoded, "base64").toString().split("\n")) {
                    if (line.length >= 8) {
                        planted.set(
                            `Secret ${metadata?.name}, key ${key} in ${namespace}: ${line.length} characters ${planted.size}`,
                            line,
                        );
                    }
                }
            }
        }
    }

    /** Everything of the replica that can be read without reading its Secrets. */
    async function look(time: string) {
        const { config, namespace } = stage;
        const [core, apps, batch, events, network, rbac] = [
            config.makeApiClient(CoreV1Api),
            config.makeApiClient(AppsV1Api),
            config.makeApiClient(BatchV1Api),
            config.makeApiClient(EventsV1Api),
            config.makeApiClient(NetworkingV1Api),
            config.makeApiClient(RbacAuthorizationV1Api),
        ];
        const pods = await core.listNamespacedPod({ namespace });
        const lists = await Promise.all([
            core.listNamespacedConfigMap({ namespace }),
            core.listNamespacedService({ namespace }),
            core.listNamespacedPersistentVolumeClaim({ namespace }),
            core.listNamespace(),
            core.listPersistentVolume(),
            apps.listNamespacedDeployment({ namespace }),
            apps.listNamespacedReplicaSet({ namespace }),
            apps.listNamespacedStatefulSet({ namespace }),
            batch.listNamespacedJob({ namespace }),
            events.listNamespacedEvent({ namespace }),
            network.listNamespacedIngress({ namespace }),
            rbac.listNamespacedRoleBinding({ namespace }),
        ]);
        for (const [number, { items }] of [pods, ...lists].entries()) {
            seen.set(`list no. ${number} of objects, ${time}`, JSON.stringify(items));
        }
        for (const { metadata, spec, status } of pods.items) {
            const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
            for (const { name: container } of status?.phase === "Pending" ? [] : containers) {
                const log = await core
                    .readNamespacedPodLog({ name: metadata?.name ?? "", namespace, container })
                    .catch(() => "");
                seen.set(`the log of ${metadata?.name}, ${container}, ${time}`, log);
            }
        }
        await state(time);
    }

    /** What the engine keeps of the stack. Earlier scenarios write secrets into stack files, to be refused for it. */
    async function state(time: string) {
        const folder = path.join(cache, "state", lane.workspace);
        for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
            const file = path.join(entry.parentPath, entry.name);
            if (entry.isFile() && (await stat(file)).mtimeMs > began) {
                seen.set(`${path.relative(folder, file)} of the engine, ${time}`, await readFile(file, "utf8"));
            }
        }
    }

    /** The command lines of everything that runs, in the cluster's containers too. */
    async function commandLines() {
        for (const id of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
            const line = (await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
            if (line !== "") {
                seen.set(`the command line ${line}`, line);
            }
        }
    }
});

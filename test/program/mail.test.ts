import { beforeAll, describe, expect, it } from "vitest";
import { planSchema } from "../../contract";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, expectRestricted, find, job, precedents, template } from "./registered";

const deployment = "kubernetes:apps/v1:Deployment";
const service = "kubernetes:core/v1:Service";
const redirect = {
    mode: "redirect",
    to: "testers@example.org",
    relay: { host: "smtp.example.org", secret: "smtp" },
    environment: { SMTP_HOST: "host", MAIL_MODE: "mode" },
};
const workers = { queue: { command: ["work"] } };

describe("a stack whose mail goes to one address", () => {
    let run: Run;
    beforeAll(async () => {
        run = await runProgram({ config: changed("mail", redirect, changed("application", { workers })), cluster });
    });
    const sink = () => find(run, deployment, "application-mail-server");

    it("has a sink under the restricted level, which keeps what it catches for as long as its pod lives", () => {
        const { metadata, spec } = template(sink());
        expectRestricted(spec);
        expect(metadata.labels).toMatchObject({ "app.kubernetes.io/name": "mail" });
        expect(metadata).not.toHaveProperty("annotations");
        expect(spec.volumes).toEqual([{ name: "data", emptyDir: { sizeLimit: "1Gi" } }]);
        expect(spec.containers[0]).toMatchObject({
            image: "axllent/mailpit:v1.30.5",
            volumeMounts: [{ name: "data", mountPath: "/data" }],
            readinessProbe: { httpGet: { path: "/readyz", port: "http" } },
        });
        expect(sink().inputs.spec).toMatchObject({ strategy: { type: "Recreate" } });
        expect(find(run, service, "application-mail-service").inputs).toMatchObject({
            metadata: { name: "mail" },
            spec: {
                ports: [
                    { name: "smtp", port: 1025 },
                    { name: "http", port: 8025 },
                ],
            },
        });
    });

    it("tells the sink where to, and gives it the way in there out of a Secret", () => {
        const env = template(sink()).spec.containers[0]?.env ?? [];
        expect(env).toContainEqual({ name: "MP_SMTP_FORWARD_TO", value: "testers@example.org" });
        expect(env).toContainEqual({
            name: "MP_SMTP_FORWARD_PASSWORD",
            valueFrom: { secretKeyRef: { name: "smtp", key: "password" } },
        });
        expect(env.filter(({ name }) => name.startsWith("MP_SMTP_RELAY"))).toEqual([]);
    });

    it("tells the application, its workers as well, before which the sink is there", () => {
        for (const name of ["application-deployment", "application-queue-deployment"]) {
            const part = find(run, deployment, name);
            expect(template(part).spec.containers[0]?.env).toEqual(
                expect.arrayContaining([
                    { name: "SMTP_HOST", value: "mail" },
                    { name: "MAIL_MODE", value: "redirect" },
                ]),
            );
            expect(precedents(run, part)).toContain(sink().urn);
        }
    });

    it("brings the copy's own settings into line, and says so where a diff shows it", () => {
        const { data } = find(run, "kubernetes:core/v1:ConfigMap", "agent-program").inputs as {
            data: Record<string, string>;
        };
        const { mail } = planSchema.parse(JSON.parse(data["plan.json"] ?? ""));
        expect(mail?.sql?.variables).toMatchObject({ mail_mode: "redirect" });
        expect(mail?.sql?.at.beforeSwitch?.[0]?.sql).toContain("update settings");
        const { annotations } = template(job(run, "prepare-database")).metadata;
        expect(annotations["understudy/mail"]).toMatch(/^[0-9a-f]{10}$/);
    });
});

describe("a stack that sends no mail", () => {
    it("has no sink", async () => {
        const run = await runProgram({ config: changed("mail", { mode: "off" }), cluster });
        expect(run.status).toBe(0);
        expect(run.registrations.filter(({ name }) => name.startsWith("application-mail"))).toEqual([]);
        const { env } = template(find(run, deployment, "application-deployment")).spec.containers[0] ?? {};
        expect(env).toContainEqual({ name: "SMTP_HOST", value: "mail.invalid" });
    });
});

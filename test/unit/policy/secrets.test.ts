import { describe, expect, it } from "vitest";
import { secret, unknown } from "../../../policy/registered";
import { encrypted, unseen } from "../../../policy/secrets";
import { container, deployment, object, pod } from "./asked";

const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n";

describe("secrets are not seen in a pod", () => {
    const variable = (name: string, rest: object) =>
        unseen(deployment(pod({}, container({ env: [{ name, ...rest }] }))));
    const words = (...command: unknown[]) => unseen(deployment(pod({}, container({ command }))));

    it.each([
        ["PASSWORD", { valueFrom: { secretKeyRef: { name: "login", key: "password" } } }],
        ["PASSWORD", { value: "$(PGPASSWORD)" }],
        ["PASSWORD", { value: "" }],
        ["PASSWORD", { value: unknown }],
        ["POSTGRES_PASSWORD_FILE", { value: "/secrets/password" }],
        ["KEYBOARD", { value: "de" }],
        ["ADDRESS", { value: "https://example.org:8080/path@2" }],
        ["DATABASE_URL", { value: "postgres://user:$(PGPASSWORD)@database/shop" }],
    ])("has nothing to say of %s, %j", (name, rest) => {
        expect(variable(name, rest)).toEqual([]);
    });

    it.each([
        ["PASSWORD", "planted"],
        ["DB_PASSWORD", "planted"],
        ["API_TOKEN", "planted"],
        ["CLIENT_SECRET", "planted"],
        ["secret-access-key", "planted"],
        ["DATABASE_URL", "postgres://user:planted@database/shop"],
        ["SIGNED_WITH", key],
        ["ANYTHING", secret],
    ])("says that %s is one", (name, value) => {
        const found = variable(name, { value });
        expect(found).toEqual([
            `Deployment web: container web has a secret in its variable ${name}: put it into a Secret, and write valueFrom.secretKeyRef`,
        ]);
        expect(found.join()).not.toContain("planted");
    });

    it("has nothing to say of words about where a secret is", () => {
        expect(words("serve", "--password-file=/secrets/password", "--token=$TOKEN", "my-secret name")).toEqual([]);
    });

    it.each([
        [["serve", "--password=planted"]],
        [["serve", "--token", "planted"]],
        [["psql", "postgres://user:planted@database/shop"]],
        [["serve", secret]],
    ])("says that a command has one", (command) => {
        expect(words(...command)).toEqual([
            "Deployment web: container web has a secret in its command, which everybody sees: put it into a file or a variable",
        ]);
    });
});

describe("secrets are not seen in a ConfigMap", () => {
    const map = (data: unknown) => unseen(object("ConfigMap", "texts", { data }));

    it("has nothing to say of other texts", () => {
        expect(
            map({ "nginx.conf": "proxy_pass http://127.0.0.1:8000;", "ca.pem": "-----BEGIN CERTIFICATE-----" }),
        ).toEqual([]);
        expect(map(unknown)).toEqual([]);
    });

    it.each([
        ["password", "planted"],
        ["id_ed25519", key],
        ["settings.ini", "url = amqp://user:planted@queue:5672"],
        ["anything", secret],
    ])("says that %s is one", (name, value) => {
        expect(map({ [name]: value })).toEqual([`ConfigMap texts: ${name} holds a secret: put it into a Secret`]);
    });

    it("says so where all of it is one", () => {
        expect(map(secret)).toEqual(["ConfigMap texts: data holds a secret: put it into a Secret"]);
    });
});

describe("secrets are not seen in a command", () => {
    const command = (props: object) =>
        unseen({ type: "command:local:Command", name: "switch", props: { logging: "none", ...props } });

    it("has nothing to say of one that gets them elsewhere", () => {
        expect(command({ create: "node run.cjs switch", environment: secret, stdin: secret })).toEqual([]);
    });

    it.each([
        [{ create: "mysql --password=planted" }, "create"],
        [{ delete: `echo '${key}' | ssh-add -` }, "delete"],
        [{ update: secret }, "update"],
    ])("says that %j has one", (props, field) => {
        expect(command(props)).toEqual([
            `Command switch: ${field} holds a secret, which everybody sees: put it into environment or stdin`,
        ]);
    });

    it("says when what it prints is shown", () => {
        for (const logging of ["stdout", undefined]) {
            expect(command({ logging })).toEqual(["Command switch: what it prints is shown: write logging: none"]);
        }
    });
});

describe("secrets are encrypted in the state", () => {
    const command = (environment: unknown) =>
        encrypted({ type: "command:local:Command", name: "switch", props: { environment } });

    it("has nothing to say of Pulumi's secrets, and of what is none", () => {
        expect(encrypted(object("Secret", "login", { stringData: secret }))).toEqual([]);
        expect(encrypted(object("Secret", "login", { stringData: { password: secret, user: unknown } }))).toEqual([]);
        expect(command({ UNDERSTUDY_GENERATION: "1a2b" })).toEqual([]);
        expect(command(secret)).toEqual([]);
    });

    it("names what is plain text", () => {
        const found = encrypted(
            object("Secret", "login", { stringData: { password: "planted" }, data: { user: "cGxhbnRlZA==" } }),
        );
        expect(found).toEqual([
            "Secret login: user is plain text in the state: wrap it in pulumi.secret()",
            "Secret login: password is plain text in the state: wrap it in pulumi.secret()",
        ]);
        expect(command({ SSH_KEY: key, DB_PASSWORD: "planted" })).toEqual([
            "Command switch: SSH_KEY is plain text in the state: wrap it in pulumi.secret()",
            "Command switch: DB_PASSWORD is plain text in the state: wrap it in pulumi.secret()",
        ]);
    });
});

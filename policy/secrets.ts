/** Secrets stand in Secrets, or are Pulumi's own: in nothing that people, logs and other pods get to see. */
import { containersOf, podOf } from "./pod";
import { at, entries, isOneOf, items, kindOf, type Registered, secret, titleOf } from "./registered";

/** Names of what is a secret, whatever it is. The name of a file or of a Secret with it ends in something else. */
const secretName = /(^|[_\-.])(password|passwd|passphrase|token|secret|key)$/i;

/** Texts that hold a secret wherever they stand: private keys, and addresses with a password. */
const secretTexts = [
    /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}/,
    // What Kubernetes or a shell puts in its place later is none.
    /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"'`]+:(?![$<{])[^\s/@"'`]+@/i,
];

/** An argument that gives a secret to everybody who lists processes. */
const secretArgument = /(?:^|\s)--?[\w-]*(?:password|passwd|passphrase|token|secret)[= ](?![$/-])\S/i;

const intoSecret = "put it into a Secret, and write valueFrom.secretKeyRef";

/** Secrets in what a pod is told, in a ConfigMap, or in the text of a command. */
export function unseen(resource: Registered): string[] {
    return [...inPod(resource), ...inConfigMap(resource), ...inCommand(resource)].map(
        (problem) => `${titleOf(resource)}: ${problem}`,
    );
}

/**
 * Secrets that the state keeps as plain text. It can be told only where values say whether they are Pulumi's secrets: the
 * engine hands them to a policy pack without their mark.
 */
export function encrypted(resource: Registered): string[] {
    const { props } = resource;
    const plain =
        kindOf(resource) === "Secret"
            ? ["data", "stringData"].flatMap((field) => plainIn(props[field], () => true))
            : isCommand(resource)
              ? plainIn(props.environment, (name, value) => holdsSecret(name, value))
              : [];
    return plain.map((name) => `${titleOf(resource)}: ${name} is plain text in the state: wrap it in pulumi.secret()`);
}

function plainIn(values: unknown, isSecret: (name: string, value: unknown) => boolean): string[] {
    return entries(values).flatMap(([name, value]) =>
        typeof value === "string" && value !== "" && isSecret(name, value) ? [name] : [],
    );
}

function inPod(resource: Registered): string[] {
    return containersOf(podOf(resource)).flatMap(({ title, spec }) => [
        ...items(at(spec, "env"))
            .map((variable) => [String(at(variable, "name")), at(variable, "value")] as const)
            .filter(([name, value]) => value === secret || holdsSecret(name, value))
            .map(([name]) => `${title} has a secret in its variable ${name}: ${intoSecret}`),
        ...["command", "args"]
            .filter((field) => holdsArgument(items(at(spec, field))))
            .map(
                (field) =>
                    `${title} has a secret in its ${field}, which everybody sees: put it into a file or a variable`,
            ),
    ]);
}

function inConfigMap(resource: Registered): string[] {
    if (kindOf(resource) !== "ConfigMap") {
        return [];
    }
    const { data } = resource.props;
    return (data === secret ? [["data", secret] as const] : entries(data))
        .filter(([name, value]) => value === secret || holdsSecret(name, value))
        .map(([name]) => `${name} holds a secret: put it into a Secret`);
}

function isCommand({ type }: Registered): boolean {
    return /^command:(local|remote):Command$/.test(type);
}

function inCommand(resource: Registered): string[] {
    if (!isCommand(resource)) {
        return [];
    }
    const { props } = resource;
    return [
        ...["create", "update", "delete"]
            .filter((field) => holdsArgument([props[field]]))
            .map((field) => `${field} holds a secret, which everybody sees: put it into environment or stdin`),
        ...(isOneOf(props.logging, "none") ? [] : ["what it prints is shown: write logging: none"]),
    ];
}

function holdsArgument(words: unknown[]): boolean {
    if (words.includes(secret)) {
        return true;
    }
    const text = words.filter((word) => typeof word === "string").join(" ");
    return secretArgument.test(text) || holdsText(text);
}

function holdsSecret(name: string, value: unknown): boolean {
    // Kubernetes puts another variable in the place of `$(NAME)`, which may be one of a Secret's.
    if (typeof value !== "string" || value === "" || /^\$\([\w.-]+\)$/.test(value)) {
        return false;
    }
    return secretName.test(name) || holdsText(value);
}

function holdsText(text: string): boolean {
    return secretTexts.some((pattern) => pattern.test(text));
}

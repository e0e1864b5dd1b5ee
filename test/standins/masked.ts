/** What a run's texts are full of, and another run's would not. */
export interface Names {
    folder: string;
    kubeconfig: string;
}

const hidden = "[secret]";
const secretSignature = "4dabf18193072939515e22adb298388d";

/** Keys whose values only the API server decides, at the moment. */
const momentary = new Set(["creationTimestamp", "managedFields", "resourceVersion", "uid", "generation"]);

/** A copy in which everything that differs from run to run is replaced by a word that says what it was. */
export function masked<T>(value: T, names: Names): T;
export function masked(value: unknown, names: Names): unknown {
    if (typeof value === "string") return maskedText(value, names);
    if (Array.isArray(value)) return value.map((element) => masked(element, names));
    if (typeof value !== "object" || value === null || secretSignature in value) return concealed(value);
    const entries = Object.entries(value)
        .filter(([key]) => !momentary.has(key))
        .map(([key, part]) => [maskedText(key, names), masked(part, names)]);
    return Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

/** A copy with secrets masked: the same secret has another ciphertext each time. */
export function concealed(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(concealed);
    if (typeof value !== "object" || value === null) return value;
    if (secretSignature in value) return hidden;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, concealed(part)]));
}

function maskedText(text: string, { folder, kubeconfig }: Names): string {
    return (
        text
            .replaceAll(folder, "<folder>")
            .replaceAll(kubeconfig, "<kubeconfig>")
            // The network's own words are another library's in each provider.
            .replace(/(from the API server: ).*/g, "$1<network error>")
            .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uid>")
            .replace(/\[Pod ([a-z-]+\/[a-z]+)-[^\]]*\]/g, "[Pod $1-<random>]")
            // The kubelet tries and waits in turns.
            .replace(/\[(ErrImagePull|ImagePullBackOff)\] [^\n]*/g, "[<image pull>]")
            .replace(/revision "[^"]+"/g, 'revision "<random>"')
            .replace(/-[0-9a-f]{8}(?![0-9a-f])/g, "-<random>")
            .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "<time>")
            .replace(/\b\d+\.\d+\.\d+\.\d+(:\d+)?\b/g, "<address>")
    );
}

/** What of a stack file on hosts has to be encrypted. */
import type { HostSettings } from ".";

/**
 * Secrets that stand in plain, each with the command that encrypts it.
 *
 * @param written the settings as the stack file has them; undefined if nobody can look
 */
export function plainSecrets(settings: HostSettings, written: Record<string, unknown> | undefined): string[] {
    const { hosts, secrets, buckets } = settings;
    const keys = Object.entries(hosts).filter(([, { ssh }]) => ssh?.key !== undefined);
    const paths = [
        ...keys.map(([name]) => ["hosts", name, "ssh", "key"]),
        ["source", "database", "server", "password"],
        ["source", "password"],
        ["target", "server", "password"],
        ["target", "login", "password"],
        ...(buckets?.copies ?? []).flatMap((_, at) =>
            ["from", "to"].map((side) => ["buckets", "copies", String(at), side, "credentials", "secretAccessKey"]),
        ),
        ...["daily", "weekly"].map((name) => ["buckets", "uploads", name, "credentials", "secretAccessKey"]),
        ...Object.entries(secrets).flatMap(([name, its]) => Object.keys(its).map((key) => ["secrets", name, key])),
    ];
    return paths
        .filter((path) => typeof valueAt(written, path) === "string")
        .map((path) => `${path.join(".")} is in plain: pulumi config set --secret --path ${path.join(".")}`);
    // What is encrypted is no text there, nor is anything below it.
    function valueAt(value: unknown, path: string[]): unknown {
        return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value);
    }
}

/** Secrets that are named and not written. */
export function secretsMissing({
    secrets,
    hooks,
    identity,
}: Pick<HostSettings, "secrets" | "hooks" | "identity">): string[] {
    const sets = identity === undefined ? [] : [identity, ...Object.values(identity.others)].flatMap(({ set }) => set);
    const values = sets.flatMap(({ columns }) => Object.values(columns));
    const wanted = [
        ...Object.values(hooks.secrets),
        ...values.filter((value) => typeof value === "object" && value !== null),
    ];
    return wanted
        .filter(({ secret, key }) => secrets[secret]?.[key] === undefined)
        .map(
            ({ secret, key }) =>
                `secrets.${secret}.${key} is missing: pulumi config set --secret --path secrets.${secret}.${key}`,
        );
}

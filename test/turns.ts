import { dueOn } from "./due";

/** Long files that take turns, a fourth of each group a day: what they tell of is told in short by those beside them. */
const groups = {
    program: ["developer", "parity", "preflight", "preview", "production", "rollout", "server", "volumes"],
    hosts: [
        "announce",
        "backups",
        "buckets",
        "bundle",
        "elgg",
        "faults",
        "files",
        "isolation",
        "lifecycle",
        "media",
        "refusals",
    ],
    scenario: [
        ...[
            "application",
            "bucket",
            "commands",
            "deployments",
            "developers",
            "fences",
            "lifecycle",
            "mail",
            "publisher",
        ],
        ...["refusals", "secrets", "server", "wipe"],
    ],
};

/** Those whose turn it is not on a day, from the repository's root. */
export function waitingOn(day: number): string[] {
    return Object.entries(groups).flatMap(([folder, names]) => {
        const taken = dueOn(day, names);
        return names.filter((name) => !taken.includes(name)).map((name) => `test/${folder}/${name}.test.ts`);
    });
}

import { expect, it } from "vitest";
import { type Run, runProgram } from "./monitor";
import { changed, cluster } from "./registered";

/** Two environments, by what their stack files say of themselves. */
const [staging, acceptance] = [
    { namespace: "staging-stack", host: "staging.example.org" },
    { namespace: "acceptance-stack", host: "acceptance.example.org" },
];

/** What each resource asks for, by its type, its name and the place in it, with an environment's own names taken out. */
function fields({ registrations }: Run, { namespace, host }: typeof staging): Record<string, string> {
    const all: Record<string, string> = {};
    const walk = (place: string, value: unknown) => {
        if (typeof value === "object" && value !== null) {
            for (const [key, inner] of Object.entries(value)) {
                walk(`${place}.${key}`, inner);
            }
        } else {
            all[place] = String(value).replaceAll(host, "<host>").replaceAll(namespace, "<namespace>");
        }
    };
    for (const { type, name, inputs } of registrations.filter(({ type }) => type.startsWith("kubernetes:"))) {
        walk(`${type.split(":").at(-1)} ${name}`, inputs);
    }
    return all;
}

it("one program makes every environment: they differ in the fields that their stack files set, and in nothing else (S1-09)", async () => {
    const kept = { key: "kept" };
    const [one, other] = await Promise.all(
        [
            { ...staging, replicas: 1 },
            { ...acceptance, replicas: 2 },
        ].map(({ namespace, host, replicas }) =>
            runProgram({
                config: changed(
                    "target",
                    { namespace },
                    changed("application", { replicas, nodePort: undefined, ingress: { host } }),
                ),
                cluster,
                kept,
            }),
        ),
    );
    const [left, right] = [fields(one as Run, staging), fields(other as Run, acceptance)];
    expect(Object.keys(left).length).toBeGreaterThan(500);
    const places = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    expect(places.filter((place) => left[place] !== right[place])).toEqual([
        "Deployment application-deployment.spec.replicas",
    ]);
});

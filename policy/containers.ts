/** What every container says: which image it runs, and how much it takes. */
import { type Container, containersOf, podOf } from "./pod";
import { at, type Registered, titleOf } from "./registered";

/** Images whose text does not say for good which ones they are. */
export function pinned(resource: Registered): string[] {
    return eachContainer(resource, ({ spec }) => {
        const image = at(spec, "image");
        if (typeof image === "symbol") {
            return [];
        }
        if (typeof image !== "string" || image === "") {
            return ["names no image: write one with its tag"];
        }
        const [name = "", digest] = image.split("@");
        const tag = /:([^:/]+)$/.exec(name)?.[1];
        if (digest !== undefined) {
            return [];
        }
        return tag === undefined
            ? [`runs ${image}, which is another image tomorrow: write its tag or its digest`]
            : tag === "latest"
              ? [`runs ${image}, which is another image tomorrow: write the tag of a version`]
              : [];
    });
}

/** What each container has to say of its share: a processor has no limit, because one that is idle helps nobody. */
const shares = [
    ["requests", "cpu"],
    ["requests", "memory"],
    ["limits", "memory"],
];

/** Containers that may take as much of a node as they like. */
export function limited(resource: Registered): string[] {
    return eachContainer(resource, ({ spec }) =>
        shares
            .filter((path) => at(spec, "resources", ...path) === undefined)
            .map((path) => `has no ${path.join(".")}: write resources.${path.join(".")}`),
    );
}

function eachContainer(resource: Registered, look: (container: Container) => string[]): string[] {
    return containersOf(podOf(resource)).flatMap((container) =>
        look(container).map((problem) => `${titleOf(resource)}: ${container.title} ${problem}`),
    );
}

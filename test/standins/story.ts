import type { Provider, ProviderArgs } from "@pulumi/kubernetes";
import type { Hands } from "./hands";

/** What a step's program is given. */
export interface Scene {
    /** Namespace that the story has to itself; made before its first step. */
    namespace: string;
    /** Declares the provider, the same for every step unless arguments are given. */
    provider(args?: ProviderArgs, name?: string): Provider;
}

/** One run of the engine, or one deed behind its back. */
export interface Step {
    /** What happens, as the fixture tells it. */
    title: string;
    /** The run; `up` if left out. */
    run?: "up" | "preview" | "refresh" | "destroy";
    /** Declares the resources; the former step's program if left out. */
    program?: (scene: Scene) => void;
    /** Done to the cluster before the run. */
    before?: (hands: Hands, namespace: string) => Promise<void>;
    /** Stack configuration that is set before the run. */
    config?: Record<string, string>;
}

/** Steps that follow each other on one stack, in a namespace of its own; stories are independent of each other. */
export interface Story {
    name: string;
    steps: Step[];
}

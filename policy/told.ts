/** What a stack file tells, for rules about things that no resource tells by itself. */
import { at } from "./registered";

/** What is known of the stack; all of it is left out for a stack of somebody else's. */
export interface Told {
    /** Whether the stack is production's own side, which stands where production does. */
    isProduction: boolean;
    /** Where production runs: its namespace and the context of its cluster. */
    production: { namespace: string | undefined; context: string | undefined };
    /** Context of the cluster that the stack is made on. */
    context: string | undefined;
    /** Claims that production's side fills, and that are there without it. */
    stores: string[];
}

/** What the settings tell. `read` gives one of them, as the stack file has it. */
export function told(read: (setting: string) => unknown): Told {
    const [source, target] = [read("source"), read("target")];
    const isProduction = read("role") === "source";
    const context = text(at(isProduction ? source : target, "context"));
    const stores = [at(read("store"), "claim"), at(read("media"), "store")].map(text);
    return {
        isProduction,
        production: { namespace: text(at(source, "namespace")), context: text(at(source, "context")) ?? context },
        context,
        stores: isProduction ? stores.filter((store) => store !== undefined) : [],
    };
}

function text(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}

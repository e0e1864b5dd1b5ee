import type { GenerationState } from "../contract";

/** A generation of the database, as far as its age goes. */
interface Aged {
    state: GenerationState;
    created: Date;
    /** When it last became the live one; null if it never was. */
    switched: Date | null;
}

/** The generations that nobody will go back to. */
export function superseded<G extends Aged>(generations: G[], live: G, keep: number): G[] {
    const time = ({ switched }: Aged) => switched?.getTime() ?? 0;
    const former = generations.filter(({ state }) => state === "former").sort((a, b) => time(b) - time(a));
    const overtaken = generations.filter(({ state, created }) => state === "proven" && created.getTime() < time(live));
    const unfinished = generations.filter(({ state }) => state === "preparing");
    return [...former.slice(keep), ...overtaken, ...unfinished];
}

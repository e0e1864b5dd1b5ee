import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../dev/command";
import { describeTimes, median, type Taken, taken } from "../measure";
import { contentsOf, expectSame } from "./compare";
import { own } from "./own";
import { changed, changedInPlace, type Turn, type Way } from "./ways";

/** Where trees are copied from and to. */
export interface Place {
    name: string;
    /** The folder with the trees, as the ways see it, and where it really is. */
    trees: { seen: string; real: string };
    /** The folder that copies go to. */
    copies: { seen: string; real: string };
}

/** What ways have taken at a place, by way and turn. */
export class Times {
    private readonly times: { way: string; turn: Turn; all: Taken[] }[] = [];

    add(way: string, turn: Turn, one: Taken): void {
        const found = this.find(way, turn);
        if (found === undefined) {
            this.times.push({ way, turn, all: [one] });
        } else {
            found.all.push(one);
        }
    }

    /** The middle of the seconds that a way has taken. */
    of(way: string, turn: Turn): number {
        return median((this.find(way, turn)?.all ?? []).map(({ seconds }) => seconds));
    }

    /** The quickest way but those. */
    best(turn: Turn, without: string[]): { way: string; seconds: number } {
        const ways = this.times.filter((one) => one.turn === turn && !without.includes(one.way));
        const [best] = ways
            .map(({ way }) => ({ way, seconds: this.of(way, turn) }))
            .sort((a, b) => a.seconds - b.seconds);
        return best ?? { way: "there is none", seconds: Number.NaN };
    }

    /** What each way has taken, in words. */
    described(): string[] {
        return this.times.map(({ way, turn, all }) => `${way}, ${turn}: ${describeTimes(all)}`);
    }

    private find(way: string, turn: Turn) {
        return this.times.find((one) => one.way === way && one.turn === turn);
    }
}

/** Measures ways in turn, another one first in every round; each copy is compared with its source, byte by byte. */
export async function measured(ways: Way[], { name, trees, copies }: Place, rounds: number): Promise<Times> {
    const times = new Times();
    const sources = {
        first: await contentsOf(join(trees.real, "first")),
        next: await contentsOf(join(trees.real, "next")),
    };
    for (let round = 0; round < rounds; round++) {
        const order = [...ways.slice(round % ways.length), ...ways.slice(0, round % ways.length)];
        for (const [number, way] of order.entries()) {
            // A name that was never used: nothing is known of it at the other end of a wire.
            const place = `${round}-${number}`;
            mkdirSync(join(copies.real, place));
            for (const { turn, copy } of way.turns) {
                const edition = turn === changed || turn === changedInPlace ? "next" : "first";
                let made = "";
                const took = await taken(async () => {
                    made = await copy(join(trees.seen, edition), join(copies.seen, place));
                });
                times.add(way.name, turn, took);
                console.log(`${name}, round ${round + 1}: ${way.name}, ${turn}: ${took.seconds.toFixed(2)} s`);
                try {
                    expectSame(await contentsOf(join(copies.real, place, made)), sources[edition], way.mode ?? 0o644);
                } catch (error) {
                    // What others get wrong is told; ours has to be right.
                    if (way.name === own) {
                        throw error;
                    }
                    console.log(
                        `${name}, round ${round + 1}: ${way.name}, ${turn}: WRONG. ${(error as Error).message}`,
                    );
                }
            }
            await run("rm", ["-rf", join(copies.real, place)]);
        }
    }
    return times;
}

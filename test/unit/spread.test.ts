import { expect, test } from "vitest";
import { spread } from "../../agent/media/spread";

/** Files of some folders, one folder after the other. */
const files = (folders: number, each: number) =>
    Array.from({ length: folders * each }, (_, n) => ({ path: `f${Math.floor(n / each)}/${n}` }));

const folderOf = ({ path }: { path: string }) => path.split("/")[0];

test("far away, files that follow one another are in different folders, and each comes once", () => {
    const listed = files(300, 40);
    const spreaded = [...spread(listed, () => true)];
    const neighbours = spreaded.slice(1).filter((file, n) => folderOf(file) === folderOf(spreaded[n] ?? { path: "" }));
    expect(neighbours).toEqual([]);
    expect(new Set(spreaded)).toEqual(new Set(listed));
    expect(spreaded.length).toBe(listed.length);
});

test("near, files come as they are listed", () => {
    const listed = files(3, 3);
    expect([...spread(listed, () => false)]).toEqual(listed);
});

test("of a long list only a part is in memory", () => {
    let taken = 0;
    const listed = function* () {
        for (const file of files(10, 10_000)) {
            taken += 1;
            yield file;
        }
    };
    let [given, held] = [0, 0];
    for (const _ of spread(listed(), () => true)) {
        given += 1;
        held = Math.max(held, taken - given);
    }
    expect(given).toBe(100_000);
    expect(held).toBeLessThan(20_000);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { copyLine } from "../../demo/application/seed/copy";
import { entryOf } from "../../demo/application/seed/index";

test("an entry of the index gives what the catalogue shows, and no name of a person", () => {
    const entry = entryOf([
        "Package: nano",
        "Version: 7.2-1",
        "Installed-Size: 2871",
        "Maintainer: Somebody <somebody@example.org>",
        "Pre-Depends: init-system-helpers (>= 1.54~)",
        "Depends: libc6 (>= 2.34), libtinfo6 (>= 6) | ncurses:any (>= 5)",
        "Description: small, friendly text editor",
        " A longer description.",
        "Homepage: https://www.nano-editor.org/",
        "Tag: interface::text-mode,",
        " role::program",
        "Section: contrib/editors",
        "Size: 689400",
    ]);
    expect(entry).toEqual({
        name: "nano",
        version: "7.2-1",
        section: "editors",
        summary: "small, friendly text editor",
        homepage: "https://www.nano-editor.org/",
        tags: ["interface::text-mode", "role::program"],
        downloadBytes: 689_400,
        installedBytes: 2871 * 1024,
        needs: [
            [{ target: "init-system-helpers", versions: ">= 1.54~" }],
            [{ target: "libc6", versions: ">= 2.34" }],
            [
                { target: "libtinfo6", versions: ">= 6" },
                { target: "ncurses", versions: ">= 5" },
            ],
        ],
        recommends: [],
    });
});

test("an address that is not of the web is no homepage, and an entry without a section is none", () => {
    expect(entryOf(["Package: a", "Section: misc", "Homepage: javascript:alert(1)"])?.homepage).toBeNull();
    expect(entryOf(["Package: a"])).toBeUndefined();
});

test("a copied line keeps its shape whatever is in its cells", () => {
    const text = fc.string({ unit: fc.constantFrom("\\", "\t", "\n", "\r", '"', "{", ",", "N", "ä") });
    fc.assert(
        fc.property(text, fc.array(text), (cell, list) => {
            const line = copyLine([cell, null, list]);
            expect(line.endsWith("\n")).toBe(true);
            expect(line.slice(0, -1)).not.toMatch(/[\n\r]/);
            const cells = line.slice(0, -1).split("\t");
            expect(cells).toHaveLength(3);
            expect(unescaped(cells[0])).toBe(cell);
            expect(cells[1]).toBe("\\N");
            expect(
                JSON.parse(
                    unescaped(cells[2])
                        .replace(/^\{(.*)\}$/s, "[$1]")
                        .replace(/[\t\n\r]/g, control),
                ),
            ).toEqual(list);
        }),
    );
});

/** What PostgreSQL reads in a cell of COPY's text format. */
function unescaped(cell = ""): string {
    const meanings: Record<string, string> = { t: "\t", n: "\n", r: "\r" };
    return cell.replace(/\\(.)/gs, (_, escaped: string) => meanings[escaped] ?? escaped);
}

/** JSON wants control characters escaped; PostgreSQL's arrays do not. */
function control(character: string): string {
    return JSON.stringify(character).slice(1, -1);
}

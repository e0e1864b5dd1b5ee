import { describe, expect, test } from "vitest";
import { contentsIn } from "../../agent/backup/archive";
import { packingOf } from "../../agent/backup/packing";
import { wholeTar } from "../../agent/backup/tar";
import { bundled } from "../../agent/postgres/bundle";
import { collide, costOf, followsTask, type Task, taskOf } from "../../agent/postgres/task";
import { longest, type Work } from "../../agent/postgres/work";

/** A statement's task. */
function task(sql: string): Task | undefined {
    return taskOf(Buffer.from(sql), sql.toLowerCase().match(/[a-z_]+/g) ?? []);
}

test.each([
    ["CREATE INDEX i ON public.item USING btree (a);", ["public.item"], false],
    ["CREATE UNIQUE INDEX i ON ONLY public.item USING btree (a);", ["public.item"], false],
    [`CREATE INDEX "odd ON x" ON "Odd. ""name"""."t (a)" USING btree (a);`, [`"Odd. ""name"""."t (a)"`], false],
    ["ALTER TABLE ONLY public.item\n    ADD CONSTRAINT item_pkey PRIMARY KEY (id);", ["public.item"], true],
    [
        "ALTER TABLE ONLY public.item\n    ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES public.other(a, b) NOT VALID;",
        ["public.item", "public.other"],
        true,
    ],
])("%s can be done beside others", (sql, tables, alone) => {
    expect(task(sql)).toMatchObject({ tables, alone });
});

test.each([
    "ALTER TABLE public.event ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.other(a);",
    "ALTER TABLE ONLY public.item ADD CONSTRAINT c CHECK ((a > 0)) NOT VALID;",
    "ALTER TABLE ONLY public.item ALTER COLUMN a SET STATISTICS 100;",
    "ALTER INDEX public.parent_i ATTACH PARTITION public.child_i;",
    "CREATE TRIGGER t BEFORE UPDATE ON public.item FOR EACH ROW EXECUTE FUNCTION public.f();",
])("%s keeps its place", (sql) => {
    expect(task(sql)).toBeUndefined();
});

test("what belongs to an index follows it", () => {
    const follows = (sql: string) => followsTask(Buffer.from(sql), sql.toLowerCase().split(" "));
    expect(follows("ALTER TABLE public.item CLUSTER ON i;")).toBe(true);
    expect(follows("COMMENT ON INDEX public.i IS 'x';")).toBe(true);
    expect(follows("COMMENT ON TABLE public.item IS 'x';")).toBe(false);
});

test("a slow kind of index takes longer than another over the same rows", () => {
    const cost = (kind: string) => costOf(task(`CREATE INDEX i ON t USING ${kind} (a);`) as Task, () => 100);
    expect(cost("gin")).toBeGreaterThan(cost("btree"));
});

test("two constraints of one table wait for each other, two indexes do not", () => {
    const index = task("CREATE INDEX i ON t USING btree (a);") as Task;
    const key = task("ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY (a);") as Task;
    const other = task("ALTER TABLE ONLY u ADD CONSTRAINT k PRIMARY KEY (a);") as Task;
    expect(collide(index, index)).toBe(false);
    expect(collide(index, key)).toBe(true);
    expect(collide(key, index)).toBe(true);
    expect(collide(key, other)).toBe(false);
});

describe("of the work that waits", () => {
    const work = (cost: number, { ready = true, table = "t", alone = false } = {}): Work => ({
        cost: () => cost,
        ready: () => ready,
        locks: { tables: [table], alone },
        do: async () => undefined,
    });

    test("the longest begins that is ready", () => {
        const [short, long, unready] = [work(1), work(2), work(3, { ready: false })];
        expect(longest(new Set([short, long, unready]), [work(1)])).toBe(long);
    });

    test("none begins that would wait for a lock", () => {
        const [locked, free] = [work(2, { alone: true }), work(1, { table: "u" })];
        expect(longest(new Set([locked, free]), [work(1)])).toBe(free);
        expect(longest(new Set([locked]), [work(1)])).toBeUndefined();
    });

    test("what never gets ready begins when nothing else runs", () => {
        const unready = work(1, { ready: false });
        expect(longest(new Set([unready]), [work(1, { table: "u" })])).toBeUndefined();
        expect(longest(new Set([unready]), [])).toBe(unready);
        expect(longest(new Set(), [])).toBeUndefined();
    });
});

test("the heaviest work comes first and alone, and light work is tied together", () => {
    const light = Array.from({ length: 500 }, (_, at) => ({ name: `light ${at}`, weight: 1 }));
    const heavy = { name: "heavy", weight: 1000 };
    const bundles = bundled([...light, heavy], 2);
    expect(bundles[0]).toEqual([heavy]);
    expect(bundles.length).toBeLessThan(20);
    expect(bundles.flat()).toHaveLength(501);
    expect(bundled([{ weight: 0 }, { weight: 0 }], 2).flat()).toHaveLength(2);
});

test("an archive's rows and indexes are told from what comes before and after, and rights come last", () => {
    const list = `;
; Archive created at 2026-11-20
215; 1259 16390 TABLE public item shop
3301; 0 0 ACL public TABLE item shop
216; 1259 16391 TABLE public TABLE DATA shop
3285; 0 16390 TABLE DATA public item shop
3302; 0 0 SEQUENCE SET public item_id_seq shop
3286; 0 16391 TABLE DATA public TABLE DATA shop
3130; 2606 16397 CONSTRAINT public item item_pkey shop
3131; 1259 16398 INDEX public item_text_idx shop
3132; 0 0 INDEX ATTACH public child_idx shop
3133; 2606 16399 FK CONSTRAINT public item item_fkey shop
3134; 2606 16401 CHECK CONSTRAINT public item item_check shop
1701; 826 16400 DEFAULT ACL audit DEFAULT PRIVILEGES FOR TABLES shop
`;
    const { before, tables, indexes, after } = contentsIn(list);
    const ids = (entries: string[]) => entries.map((entry) => Number.parseInt(entry, 10));
    expect(ids(before)).toEqual([215, 216]);
    expect(ids(tables.map(({ entry }) => entry))).toEqual([3285, 3286]);
    expect(ids(indexes)).toEqual([3130, 3131]);
    expect(ids(after)).toEqual([3302, 3132, 3133, 3134, 1701, 3301]);
});

test("an archive without rows keeps its order", () => {
    const list = ["215; 1259 16390 TABLE public item shop", "3131; 1259 16398 INDEX public item_text_idx shop"];
    expect(contentsIn(list.join("\n"))).toEqual({ before: list, tables: [], indexes: [], after: [] });
});

test("text is plain until its first bytes say otherwise", () => {
    expect(packingOf(Buffer.from("-- PostgreSQL database dump"))).toBe("none");
    expect(packingOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]))).toBe("zstd");
    expect(packingOf(Buffer.from([0x28, 0xb5]))).toBe("none");
});

describe("a tar file", () => {
    const member = (bytes: number) => {
        const header = Buffer.alloc(512);
        header.write("toc.dat");
        header.write(bytes.toString(8).padStart(11, "0"), 124);
        return Buffer.concat([header, Buffer.alloc(Math.ceil(bytes / 512) * 512, 1)]);
    };
    const whole = Buffer.concat([member(700), member(0), member(512), Buffer.alloc(1024)]);

    async function read(bytes: Buffer, size: number) {
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
            bytes.subarray(at * size, (at + 1) * size),
        );
        const passed: Buffer[] = [];
        for await (const chunk of wholeTar(
            (async function* () {
                yield* chunks;
            })(),
        )) {
            passed.push(chunk);
        }
        return Buffer.concat(passed);
    }

    test.each([1, 100, 512, 10_000])("in chunks of %i bytes passes whole", async (size) => {
        expect(await read(whole, size)).toEqual(whole);
    });

    test.each([100, 512, 1300, 1536, 3000])("that ends after %i bytes is told", async (length) => {
        await expect(read(whole.subarray(0, length), 300)).rejects.toThrow("was cut");
    });
});

import type { Connection } from "mysql2/promise";
import type { Preserved } from "../../../contract/identity";
import type { Tables } from "../../neutral/identity/check";
import { quoted, quotedIn, rowsOf } from "../rows";
import { columnsOf } from "./columns";

/** Keys that are not unique in their tables, in sentences. */
export async function ambiguousKeys(connection: Connection, tables: Tables, preserved: Preserved[]): Promise<string[]> {
    const problems: string[] = [];
    for (const { table, key } of preserved.filter((one) => tables.has(one.table))) {
        const rows = await rowsOf<{ names: string }>(
            connection,
            `select group_concat(column_name order by column_name) as names from information_schema.statistics
              where table_schema = database() and table_name = ? and non_unique = 0 group by index_name`,
            [table],
        );
        if (!rows.some(({ names }) => names === key.toSorted().join(","))) {
            problems.push(
                `identity.preserve has the key ${key.join(", ")} for ${table}, which no primary key or unique index has there: ` +
                    "write the columns of one",
            );
        }
    }
    return problems;
}

/**
 * Takes over the rows of a table, each in the place of the row that has the same key. What only one of both tables has as
 * a column is left as it is, or as its default.
 *
 * @param admin who reads the copy in use and writes to the next one, which sets nothing off
 * @returns how many rows; or why there are none
 */
export async function takeOver(
    admin: Connection,
    { from, to }: { from: string; to: string },
    { table, key }: Preserved,
): Promise<number | string> {
    const former = (await columnsOf(admin, from)).filter((column) => column.table === table);
    if (former.length === 0) {
        return "the copy in use has no such table";
    }
    const known = new Set(former.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name));
    if (!key.every((column) => known.has(column))) {
        return `the copy in use has no such key (${key.join(", ")})`;
    }
    const columns = (await columnsOf(admin, to)).filter((column) => column.table === table && !column.isGenerated);
    const both = columns.filter(({ name }) => known.has(name)).map(({ name }) => quoted(name));
    const [old, next] = [quotedIn(from, table), quotedIn(to, table)];
    const same = key.map((column) => `n.${quoted(column)} <=> o.${quoted(column)}`).join(" and ");
    await admin.query("set session foreign_key_checks = 0");
    try {
        const set = both.map((name) => `n.${name} = o.${name}`).join(", ");
        await admin.query(`update ${next} n join ${old} o on ${same} set ${set}`);
        await admin.query(
            `insert into ${next} (${both.join(", ")}) select ${both.map((name) => `o.${name}`).join(", ")} from ${old} o
              where not exists (select 1 from ${next} n where ${same})`,
        );
        const [found] = await rowsOf<{ count: number }>(admin, `select count(*) as count from ${old}`);
        return Number(found?.count ?? 0);
    } finally {
        await admin.query("set session foreign_key_checks = 1");
    }
}

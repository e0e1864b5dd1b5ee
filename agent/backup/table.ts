import { copiedTable } from "./statement";

/** A constraint by the names that the server's catalogs have for it: schema, table or domain, and its own. */
export type ConstraintName = string[];

const name = String.raw`(?:"(?:[^"]|"")*"|[^\s(".,]+)`;
const patterns = {
    columns: new RegExp(String.raw`^\s*\((${name}(?:, ${name})*)\)`),
    table: new RegExp(String.raw`^CREATE (?:UNLOGGED )?TABLE (${name}\.${name})\s`),
    constraint: new RegExp(
        String.raw`^ALTER (?:TABLE(?: ONLY)?|DOMAIN) (${name}\.${name})\s+ADD CONSTRAINT (${name}) [\s\S]* NOT VALID;$`,
    ),
};

/** Names of the columns that a COPY statement fills; none if it has no list, as for a table without columns. */
export function copiedColumns(text: Buffer): string[] {
    const sql = text.toString();
    const table = copiedTable(text);
    const [, list = ""] = patterns.columns.exec(sql.slice(sql.indexOf(table) + table.length)) ?? [];
    return namesIn(list);
}

/** The table that a statement makes, as the dump writes its name; none if its rows are in partitions. */
export function madeTable(text: Buffer): string | undefined {
    const sql = text.toString();
    return /\)\s+PARTITION BY /.test(sql) ? undefined : patterns.table.exec(sql)?.[1];
}

/** The constraint that a statement adds without holding the rows against it, if it does that. */
export function unvalidatedConstraint(text: Buffer): ConstraintName | undefined {
    const [, on, constraint] = patterns.constraint.exec(text.toString()) ?? [];
    return on === undefined || constraint === undefined ? undefined : [...namesIn(on), ...namesIn(constraint)];
}

/** Names in a list or a path, without their quotes. */
export function namesIn(list: string): string[] {
    const names = list.matchAll(/"((?:[^"]|"")*)"|([^\s,."]+)/g);
    return [...names].map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}

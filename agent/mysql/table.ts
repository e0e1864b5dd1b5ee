/** A table as it is made for a load, and what it gets once its rows are there. */
export interface TableParts {
    /** `CREATE TABLE` without what slows the rows down. */
    create: string;
    /** Further indexes, as `ALTER TABLE` adds them: sorted at once, they take a fraction of the time. */
    keys: string[];
    /** Foreign keys, as `ALTER TABLE` adds them: the other table may come later. */
    foreign: string[];
}

const index = /^(?:UNIQUE |FULLTEXT |SPATIAL )?KEY /;
const foreignKey = /^CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY /;
const automatic = /^\s+`((?:[^`]|``)+)` .*\bAUTO_INCREMENT\b/;

/**
 * Takes a `CREATE TABLE` apart, of which every part has a line of its own, as `SHOW CREATE TABLE` writes it. One that
 * looks otherwise stays whole.
 *
 * @param statement bytes, one character for each
 */
export function partsOf(statement: string): TableParts {
    const lines = statement.split("\n");
    const end = lines.findLastIndex((line) => line.startsWith(")"));
    const head = lines[0] ?? "";
    if (end < 2 || !head.trimEnd().endsWith("(") || !isPlainEngine(lines.slice(end).join("\n"))) {
        return { create: statement, keys: [], foreign: [] };
    }
    const items = lines.slice(1, end).map((line) => line.replace(/,\s*$/, ""));
    const numbered = items.map((item) => automatic.exec(item)?.[1]).find((column) => column !== undefined);
    const isNeeded = (item: string) => numbered !== undefined && item.includes(`(\`${numbered}\``);
    const foreign = items.map((item) => item.trim()).filter((item) => foreignKey.test(item));
    // A server numbers rows by an index, and without a primary key it stores them by the first unique one.
    const hasPrimary = items.some((item) => item.trim().startsWith("PRIMARY KEY "));
    const isLater = (item: string) => hasPrimary && index.test(item) && !isNeeded(item);
    const keys = items.map((item) => item.trim()).filter(isLater);
    const kept = items.filter((item) => !isLater(item.trim()) && !foreignKey.test(item.trim()));
    return { create: [head, kept.join(",\n"), ...lines.slice(end)].join("\n"), keys, foreign };
}

/** Others have their indexes loaded with their rows, and partitions have rules of their own. */
function isPlainEngine(options: string): boolean {
    return /\bENGINE=InnoDB\b/.test(options) && !/PARTITION BY/.test(options);
}

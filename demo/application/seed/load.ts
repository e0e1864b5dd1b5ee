import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Client } from "pg";
import { copyRows } from "./copy";
import type { Icons } from "./icons";
import type { Alternative, Entry } from "./index";
import { otherSection, sections } from "./sections";

/** Loads sections, packages, dependencies and settings into the empty tables. */
export async function loadCatalogue(client: Client, entries: Entry[], icons: Icons, theme: string): Promise<void> {
    const sectionIds = await loadSections(client, entries, icons, theme);
    const packages = entries.map((entry, at) => ({ id: at + 1, entry }));
    await copyRows(
        client,
        "packages (id, name, version, section_id, summary, homepage, tags, download_bytes, installed_bytes, picture)",
        map(packages, ({ id, entry }) => [
            ...[id, entry.name, entry.version, sectionIds.get(entry.section) ?? null, entry.summary, entry.homepage],
            ...[entry.tags, entry.downloadBytes, entry.installedBytes, icons.find(`apps/${entry.name}`) ?? null],
        ]),
    );
    await client.query("select setval(pg_get_serial_sequence('packages', 'id'), max(id)) from packages");
    const columns = "dependencies (package_id, kind, position, choice, target, versions)";
    await copyRows(client, columns, dependencyRows(packages));
    await client.query("refresh materialized view demand");
    await copyRows(client, "settings (name, value)", Object.entries(settings));
}

/** Production's settings, under which a copy of the database would send mail for real. */
export const settings = {
    "mail.delivery": "live",
    "mail.host": "smtp.production.svc",
    "mail.port": "25",
    "mail.from": "catalogue@production.example.org",
};

/** Sections in alphabetical order, each with its emblem as a large object that every role of the catalogue may read. */
async function loadSections(
    client: Client,
    entries: Entry[],
    icons: Icons,
    theme: string,
): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    for (const name of [...new Set(entries.map(({ section }) => section))].sort()) {
        const { title, icon } = sections[name] ?? { title: name, ...otherSection };
        const picture = icons.find(icon);
        if (!picture) throw new Error(`The icon theme has no ${icon}, which stands for the section ${name}.`);
        const image = await readFile(path.join(theme, picture.slice("icons/".length)));
        const { rows } = await client.query<{ id: number; emblem: number }>(
            `insert into sections (name, title, icon, emblem) values ($1, $2, $3, lo_from_bytea(0, $4))
             returning id, emblem`,
            [name, title, picture, image],
        );
        for (const { id, emblem } of rows) {
            ids.set(name, id);
            await client.query(`grant select on large object ${emblem} to catalogue_app, catalogue_report`);
        }
    }
    return ids;
}

function* dependencyRows(packages: { id: number; entry: Entry }[]) {
    for (const { id, entry } of packages) {
        yield* relationRows(id, "needs", entry.needs);
        yield* relationRows(id, "recommends", entry.recommends);
    }
}

function* relationRows(id: number, kind: string, relations: Alternative[][]) {
    for (const [position, alternatives] of relations.entries())
        for (const [choice, { target, versions }] of alternatives.entries())
            yield [id, kind, position + 1, choice + 1, target, versions];
}

function* map<From, To>(values: Iterable<From>, change: (value: From) => To): Generator<To> {
    for (const value of values) yield change(value);
}

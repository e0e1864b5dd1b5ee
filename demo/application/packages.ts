import type { Database } from "./database";

/** What the list shows of a package. */
export interface PackageSummary {
    name: string;
    version: string;
    summary: string;
    /** Name of its section, and the section's title in words. */
    section: string;
    sectionTitle: string;
    /** Path of its picture below the media root: its own, else its section's. */
    picture: string;
    /** Bytes to download. */
    downloadBytes: number;
}

/** What the page of one package shows. */
export interface Package extends PackageSummary {
    id: number;
    homepage: string | null;
    /** Bytes on disk once installed. */
    installedBytes: number;
    tags: string[];
    note: string | null;
    noteChangedAt: Date | null;
    /** How many packages name this one among those that they need. */
    demand: number;
}

/** One of the packages that a package needs or recommends. */
export interface Dependency {
    kind: "needs" | "recommends";
    target: string;
    /** Accepted versions, for example `>= 2.34`. */
    versions: string | null;
    /** False for names that only other packages provide. */
    known: boolean;
}

export interface Section {
    name: string;
    title: string;
    packages: number;
}

/** Packages on one page of the list. */
export const pageSize = 24;

const summaryColumns = `p.name, p.version, p.summary, s.name as section, s.title as "sectionTitle",
    coalesce(p.picture, s.icon) as picture, p.download_bytes::float8 as "downloadBytes"`;

/** One page of the packages that fit a search text and a section; an empty text or section fits all. */
export async function findPackages(
    database: Database,
    search: { text: string; section: string; page: number },
): Promise<{ packages: PackageSummary[]; total: number }> {
    const rows = await database.query<PackageSummary & { total: number }>(
        `select ${summaryColumns}, found.total::float8 as total
         from find_packages($1, $2, $3, $4) as found
         join packages p using (id) join sections s on s.id = p.section_id
         order by found.place`,
        [search.text, search.section, pageSize, (search.page - 1) * pageSize],
    );
    return { packages: rows, total: rows[0]?.total ?? 0 };
}

/** The package of that name, if there is one. */
export async function findPackage(database: Database, name: string): Promise<Package | undefined> {
    const [found] = await database.query<Package>(
        `select ${summaryColumns}, p.id, p.homepage, p.installed_bytes::float8 as "installedBytes", p.tags,
             n.text as note, n.changed_at as "noteChangedAt", coalesce(d.packages, 0)::float8 as demand
         from packages p join sections s on s.id = p.section_id
         left join notes n on n.package_id = p.id left join demand d on d.target = p.name
         where p.name = $1`,
        [name],
    );
    return found;
}

/** What a package needs and recommends, in the order in which it says so. */
export function dependenciesOf(database: Database, packageId: number): Promise<Dependency[]> {
    return database.query<Dependency>(
        `select d.kind, d.target, d.versions, p.id is not null as known
         from dependencies d left join packages p on p.name = d.target
         where d.package_id = $1 order by d.kind, d.position, d.choice`,
        [packageId],
    );
}

/** All sections, the largest first. */
export function sections(database: Database): Promise<Section[]> {
    return database.query<Section>(
        `select name, title, packages::float8 as packages from section_totals order by packages desc, name`,
    );
}

/** A section's emblem, a PNG that the database itself keeps as a large object. */
export async function emblem(database: Database, section: string): Promise<Buffer | undefined> {
    const [found] = await database.query<{ image: Buffer }>(
        "select lo_get(emblem) as image from sections where name = $1",
        [section],
    );
    return found?.image;
}

/** Replaces the note on a package; an empty text removes it. */
export async function writeNote(database: Database, packageId: number, text: string): Promise<void> {
    if (text === "") await database.query("delete from notes where package_id = $1", [packageId]);
    else
        await database.query(
            `insert into notes (package_id, text) values ($1, $2)
             on conflict (package_id) do update set text = excluded.text`,
            [packageId, text],
        );
}

/** Records an uploaded picture and shows it from now on. `key` names the upload, so that a repeat is not a second one. */
export async function recordUpload(
    database: Database,
    upload: { key: string; packageId: number; path: string; bytes: number; sha256: string },
): Promise<void> {
    await database.query(
        `with recorded as (
             insert into uploads (key, package_id, path, bytes, sha256) values ($1, $2, $3, $4, $5)
             on conflict (key) do nothing
         )
         update packages set picture = $3 where id = $2`,
        [upload.key, upload.packageId, upload.path, upload.bytes, upload.sha256],
    );
}

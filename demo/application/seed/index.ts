import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";

/** What the seed takes from one entry of Debian's package index. People's names are not among it. */
export interface Entry {
    name: string;
    version: string;
    section: string;
    summary: string;
    /** Web address, or null. */
    homepage: string | null;
    tags: string[];
    /** Bytes. */
    downloadBytes: number;
    installedBytes: number;
    needs: Alternative[][];
    recommends: Alternative[][];
}

/** A package that would do, and the versions of it that would. */
export interface Alternative {
    target: string;
    versions: string | null;
}

/** Reads a gzipped package index. Where it names a package twice, the first entry counts. */
export async function readIndex(file: string): Promise<Entry[]> {
    const entries = new Map<string, Entry>();
    let stanza: string[] = [];
    const keep = () => {
        const entry = entryOf(stanza);
        if (entry && !entries.has(entry.name)) entries.set(entry.name, entry);
        stanza = [];
    };
    for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
        if (line === "") keep();
        else stanza.push(line);
    }
    keep();
    return [...entries.values()];
}

/** One entry from its lines; undefined if they lack a name or a section. */
export function entryOf(lines: string[]): Entry | undefined {
    const fields = fieldsOf(lines);
    const { Package: name, Section: section } = fields;
    if (!name || !section) return undefined;
    return {
        name,
        version: fields.Version ?? "",
        section: section.slice(section.lastIndexOf("/") + 1),
        summary: fields.Description ?? "",
        homepage: /^https?:\/\//.test(fields.Homepage ?? "") ? (fields.Homepage ?? null) : null,
        tags: fields.Tag?.split(/,\s*/).filter(Boolean) ?? [],
        downloadBytes: Number(fields.Size ?? 0),
        installedBytes: Number(fields["Installed-Size"] ?? 0) * 1024,
        needs: [...relations(fields["Pre-Depends"]), ...relations(fields.Depends)],
        recommends: relations(fields.Recommends),
    };
}

/** Fields by name. A long description is left out; other continued lines are joined. */
function fieldsOf(lines: string[]): Record<string, string> {
    const fields: Record<string, string> = {};
    let field = "";
    for (const line of lines) {
        const colon = line.indexOf(":");
        if (!line.startsWith(" ")) {
            field = line.slice(0, colon);
            fields[field] = line.slice(colon + 1).trim();
        } else if (field !== "Description") fields[field] += line;
    }
    return fields;
}

/** `a (>= 1) | b, c` as two relations, the first one with two alternatives. */
function relations(field: string | undefined): Alternative[][] {
    if (!field) return [];
    return field
        .split(/,\s*/)
        .filter(Boolean)
        .map((relation) => relation.split(/\s*\|\s*/).map(alternative));
}

function alternative(text: string): Alternative {
    const [, target = text, versions] = /^([^\s:(]+)(?::\w+)?(?:\s*\(([^)]*)\))?/.exec(text) ?? [];
    return { target, versions: versions ?? null };
}

import { namesIn } from "./table";

/** An extension that a dump makes, and the schema that it is made in. */
export interface Extension {
    name: string;
    schema: string;
}

/** A name as pg_dump writes it: with quotes, if they could be needed. */
const name = `(?:"(?:[^"]|"")*"|[a-z_][a-z0-9_]*)`;
const patterns = {
    made: new RegExp(`^CREATE EXTENSION IF NOT EXISTS (${name}) WITH SCHEMA (${name});$`),
    commented: new RegExp(`^COMMENT ON EXTENSION (${name}) IS `),
};

/** The extension that a statement makes, if it is written as pg_dump does: without version or cascade. */
export function madeExtension(text: Buffer): Extension | undefined {
    const [, ...written] = patterns.made.exec(text.toString()) ?? [];
    const [name, schema] = namesIn(written.join(" "));
    return name === undefined || schema === undefined ? undefined : { name, schema };
}

/** The extension that a statement comments on, if it does that. */
export function commentedExtension(text: Buffer): string | undefined {
    const [, written = ""] = patterns.commented.exec(text.toString()) ?? [];
    return namesIn(written)[0];
}

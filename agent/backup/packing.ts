/** How a backup is packed. */
export type Packing = Compression | Archive;

/** What plain SQL is compressed with. */
export type Compression = "none" | "gzip" | "xz" | "zstd" | "bzip2";

/** Archives, which only pg_restore can turn into SQL. */
export type Archive = "custom" | "tar" | "directory";

/** What stands where at the beginning of a packed file. */
const marks: [Packing, number, Buffer][] = [
    ["gzip", 0, Buffer.from([0x1f, 0x8b])],
    ["xz", 0, Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
    ["zstd", 0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
    ["bzip2", 0, Buffer.from("BZh")],
    ["custom", 0, Buffer.from("PGDMP")],
    ["tar", 257, Buffer.from("ustar")],
];

/** How a file is packed, as its first bytes tell: its name does not count. */
export function packingOf(beginning: Buffer): Packing {
    const found = marks.find(([, at, mark]) => beginning.subarray(at, at + mark.length).equals(mark));
    return found?.[0] ?? "none";
}

export function isArchive(packing: Packing): packing is Archive {
    return packing === "custom" || packing === "tar" || packing === "directory";
}

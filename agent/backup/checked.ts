import type { Manifest } from "../../contract/manifest";
import type { Backup } from "./catalogue";
import type { DumpHeader } from "./header";

/** A backup that nothing speaks against. */
export interface Checked extends Backup {
    header: DumpHeader;
    /** Its manifest, if it has one. */
    facts?: Manifest;
}

import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { MysqlManifest } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { type MysqlDumps, openDumps } from "../mysql/dump";
import { Refusal } from "../refusal";
import type { Dumper, DumpOrder } from "./dumper";
import { partialOf, sync } from "./files";

/** Dumps databases of MySQL or MariaDB, by the server's own program. */
export async function mysqlDumper({ server, databases }: Publication, signal: AbortSignal): Promise<Dumper> {
    const folder = await mkdtemp(join(tmpdir(), "understudy-publish-"));
    const close = () => rm(folder, { recursive: true, force: true });
    try {
        const dumps = await openDumps({ server, replica: false }, folder, signal);
        refuseOtherProgram(dumps);
        return { subjects: databases, dump: (order) => makeBackup(order, dumps, signal), close };
    } catch (error) {
        await close();
        throw error;
    }
}

async function makeBackup(order: DumpOrder, dumps: MysqlDumps, signal: AbortSignal): Promise<MysqlManifest> {
    const { subject, stamp, imageTag, folder, watch } = order;
    const { backup, bytes, manifest } = dumps.of(subject, { stamp, imageTag });
    const file = partialOf(join(folder, backup));
    let written = 0;
    watch(() => ({ done: written, unit: "byte" }));
    await pipeline(
        bytes,
        async function* (pieces: AsyncIterable<Buffer>) {
            for await (const piece of pieces) {
                written += piece.length;
                yield piece;
            }
        },
        createWriteStream(file),
        { signal },
    );
    await sync(file);
    return manifest();
}

/** The two have grown apart: what one's program asks of a server, the other's does not know. */
function refuseOtherProgram({ program, version }: MysqlDumps): void {
    if (program.startsWith("mariadb") !== /mariadb/i.test(version)) {
        throw new Refusal(
            `${program} is there, and the server is ${version}: set database.image to the official image of the server's ` +
                "kind and version.",
        );
    }
}

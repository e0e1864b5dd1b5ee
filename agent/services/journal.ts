import { open, readFile, rename, rm } from "node:fs/promises";
import { unlessAbsent } from "../media/failure";

/** What was stopped, written down before it is: whoever comes after a run that was killed starts it again. */
export interface Journal {
    /** Names of the services that ran; undefined if none are stopped. */
    read(): Promise<string[] | undefined>;
    /** Outlives a crash of the host. */
    write(names: string[]): Promise<void>;
    remove(): Promise<void>;
}

/** The journal in a file. */
export function journalAt(path: string): Journal {
    return {
        async read() {
            const text = await readFile(path, "utf8").catch(unlessAbsent);
            return text === undefined ? undefined : (JSON.parse(text) as string[]);
        },
        async write(names) {
            const aside = `${path}.partial`;
            const file = await open(aside, "w", 0o600);
            await file.writeFile(JSON.stringify(names));
            await file.sync();
            await file.close();
            await rename(aside, path);
        },
        remove: () => rm(path, { force: true }),
    };
}

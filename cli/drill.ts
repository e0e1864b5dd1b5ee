/** `understudy drill <stack>`: makes a replica of nothing, proves it and takes it away again, and keeps how long that took. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { ageOf } from "../agent/backup/age";
import { type DatabaseReport, rowsIn } from "../contract/report";
import { type Drill, describeDrill, drillsIn } from "../lifecycle/drill";
import { timeOf } from "../lifecycle/notes";
import { readLive } from "../record";
import type { Settings } from "../settings";
import { look } from "../sighting";
import { operate } from "./operation";
import { openStack, settingsOf } from "./stack";
import type { View } from "./view";

/** Folder beside the stack files with a file of each stack's drills. */
const folder = "drills";

/**
 * Runs a drill, on a target that nobody uses.
 *
 * @returns whether the data could be had; what was made is gone again either way
 * @throws Error when something stands there already, or what former drills have left cannot be read
 */
export async function drill(name: string, view: View): Promise<boolean> {
    const settings = await settingsOf(await openStack(name));
    const file = path.join(folder, `${name}.jsonl`);
    const before = await readDrills(file);
    const { stands, live } = await look(settings);
    if (stands === true || live !== undefined) {
        throw new Error(
            `${name} stands, and a drill takes what it makes away again: give drills a stack file of their own. Nothing was changed.`,
        );
    }
    const started = Date.now();
    const isMade = await operate(name, "up", view).catch((error: Error) => {
        view.say(error.message);
        return false;
    });
    const facts: Drill = {
        started: timeOf(started),
        seconds: (Date.now() - started) / 1000,
        succeeded: isMade,
        ...(isMade && (await restoredIn(settings, started))),
    };
    await mkdir(folder, { recursive: true });
    await appendFile(file, `${JSON.stringify(facts)}\n`);
    const isGone = await operate(name, "wipe", view, {
        overrides: { removeMediaVolume: "true", removeDatabaseVolume: "true" },
    });
    view.say(describeDrill(facts, before));
    return isMade && isGone;
}

async function restoredIn(settings: Settings, started: number): Promise<Partial<Drill>> {
    const { report, others = [] } = (await readLive(settings))?.database ?? {};
    const reports: DatabaseReport[] = [report, ...others.map((other) => other.report)].filter((one) => one != null);
    return report == null
        ? {}
        : {
              backup: report.stamp,
              age: ageOf(report.stamp, started),
              rows: reports.reduce((sum, { tables }) => sum + rowsIn(tables), 0),
              bytes: reports.reduce((sum, { databaseBytes }) => sum + databaseBytes, 0),
          };
}

async function readDrills(file: string): Promise<Drill[]> {
    try {
        return drillsIn(file, await readFile(file, "utf8"));
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return [];
        }
        throw new Error(
            `Former drills cannot be read (${(error as Error).message}): correct that, or remove the file.`,
        );
    }
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { describe, test } from "vitest";
import { run } from "../../dev/command";
import { ensureFaultfs } from "../../dev/faultfs/index";
import { isRoot } from "../media/places";

/** Describes tests on a file system of a program. Where the kernel has none, one is skipped in their place (test/skips.json). */
export function describeOnFuse(name: string, tests: () => void): void {
    if (isRoot && existsSync("/dev/fuse")) {
        describe(name, tests);
    } else {
        test.skip(name, tests);
    }
}

/** What calls to some places end with. */
export interface Failing {
    /** The call, as `dev/faultfs/go/node.go` names it. */
    call: string;
    /** Path below the folder, `*` standing for any part of a name. */
    path: string;
    /** Bytes of a file, or names of a folder, which the call gets before it fails; none if left out. */
    from?: number;
    /** The error's name. */
    error: keyof typeof constants.errno;
}

/** A folder that is shown in another place, and fails there where it is told to. */
export interface FaultyMount {
    /** What is wrong from now on; nothing if no fault is given. */
    fail(...faults: Failing[]): void;
    unmount(): Promise<void>;
}

/** Mounts a folder once more. */
export async function mountFaulty(folder: string, point: string): Promise<FaultyMount> {
    const list = `${point}.faults`;
    const fail: FaultyMount["fail"] = (...faults) => {
        writeFileSync(list, JSON.stringify(faults.map((one) => ({ ...one, error: constants.errno[one.error] }))));
    };
    fail();
    mkdirSync(point);
    const program = spawn(await ensureFaultfs(), [folder, point, list], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(program, "exit");
    await Promise.race([
        once(program.stdout, "data"),
        ended.then(([status]) => {
            throw new Error(`The file system that fails has ended itself, with status ${status}.`);
        }),
    ]);
    return {
        fail,
        async unmount() {
            await run("umount", [point]);
            await ended;
        },
    };
}

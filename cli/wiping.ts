/** `understudy wipe <stack>`, and what it says before. */
import type { AnySettings, Settings } from "../settings";
import type { HostSettings } from "../settings/hosts";
import type { CommandLine } from "./arguments";
import { describeHostsWipe } from "./hosts";
import { operate } from "./operation";
import { anySettingsOf, openStack } from "./stack";
import type { View } from "./view";
import { confirmed, describeSourceWipe, describeWipe } from "./wipe";

/** Says what goes and what stays, asks, and removes it. */
export async function wipe(name: string, view: View, flags: CommandLine["flags"]): Promise<boolean> {
    const settings = await anySettingsOf(await openStack(name));
    const volumes = settings.role === "source" ? {} : volumesOf(settings, name, flags);
    const overrides = Object.fromEntries(Object.entries(volumes).map(([key, value]) => [key, String(value)]));
    process.stderr.write(`${wipeOf({ ...settings, ...volumes }, name)}\n`);
    if (flags.yes !== true && !(await confirmed())) {
        process.stderr.write("Nothing was changed.\n");
        view.end({ result: "succeeded", generations: null });
        return true;
    }
    return operate(name, "wipe", view, { overrides });
}

/** What a wipe removes and what it leaves, in words. */
export function wipeOf(settings: AnySettings, name: string): string {
    switch (settings.role) {
        case "source":
            return describeSourceWipe(settings, name);
        case "hosts":
            return describeHostsWipe(settings, name);
        case "replica":
            return describeWipe(settings, name);
    }
}

/** Which volumes of a replica a wipe removes. */
function volumesOf(settings: Settings | HostSettings, name: string, flags: CommandLine["flags"]) {
    const wanted = {
        removeMediaVolume: flags["remove-media-volume"] === true || settings.removeMediaVolume,
        removeDatabaseVolume: flags["keep-database-volume"] !== true && settings.removeDatabaseVolume,
    };
    if (
        settings.role === "hosts" &&
        Object.entries(wanted).some(([key, value]) => value !== settings[key as "removeMediaVolume"])
    ) {
        throw new Error(
            "On hosts a wipe removes what the last update was told: write removeDatabaseVolume or removeMediaVolume into the " +
                `stack file, run understudy up ${name}, then wipe without the flag. Nothing was changed.`,
        );
    }
    return wanted;
}

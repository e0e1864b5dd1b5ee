/** What the settings come to for each run of the agent. */
import { type Command, commands } from "../contract";
import { hooksOf } from "../contract/hooks";
import type { Settings } from "../settings";
import type { AgentJobArgs } from "./agent";
import { generationsOf, reasonsOf } from "./generations";
import { hooksPlanOf, hooksVolume, reasonsOfHooks } from "./hooks";
import { identityVolume, rewritesPlanOf } from "./identity";
import type { Place } from "./labels";
import { loginSecretName } from "./login";
import { maskingSecret } from "./masking";
import { mediaPlacement } from "./pod";
import { adminOf } from "./server-access";

/** What is said of a run; the rest is the same for all of them. */
type Said = Pick<AgentJobArgs, "generations" | "because" | "image" | "timeout" | "rewrites">;

/** Every run with what it is about, why it is made again, and what it gets to see. */
export function jobsOf(settings: Settings, place: Place): Record<Command, AgentJobArgs> {
    const said = saidOf(settings);
    const jobs = commands.map((command) => [command, jobFor(settings, place, command, said[command])]);
    return Object.fromEntries(jobs);
}

function saidOf(settings: Settings): Record<Command, Said> {
    const { database, media } = settings;
    const ids = generationsOf(settings);
    const because = reasonsOf(settings, ids);
    const both = { generations: [ids.database, ids.media], because: { ...because.database, ...because.media } };
    const isCopied = media.mode === "copy";
    return {
        "prepare-database": {
            generations: [ids.database],
            because: because.database,
            image: database.image,
            timeout: database.timeout,
        },
        "prepare-media": {
            generations: [ids.media],
            because: because.media,
            timeout: isCopied ? media.timeout : 300,
        },
        // All rows and all files are looked through before, where references are counted.
        switch: {
            ...both,
            because: { ...both.because, ...reasonsOfCredentials(settings) },
            timeout: isCopied && media.references !== undefined ? 1800 : 300,
        },
        smoke: {
            ...both,
            because: { ...both.because, image: `${settings.image}:${settings.imageTag}` },
            timeout: 180,
        },
        retire: { ...both, because: { ...both.because, ...reasonsToRetire(settings) }, timeout: 600 },
        // A store far away may be slow.
        survey: { generations: [], because: {}, timeout: 120 },
        "mask-suggest": { generations: [], because: {}, timeout: 600 },
        // All rows are looked through.
        "count-rewrites": { generations: [], because: {}, timeout: 3600, rewrites: rewritesPlanOf(settings) },
    };
}

/** Who runs `switch` makes the server know them. */
function reasonsOfCredentials({ credentials: { rotate } }: Settings): { credentials?: string } {
    return rotate === undefined ? {} : { credentials: rotate };
}

function reasonsToRetire({ database, media }: Settings): Record<string, string> {
    const ofMedia = media.mode === "copy" ? `, media ${media.keepGenerations}` : "";
    return {
        "keep-generations": `database ${database.keepGenerations}${ofMedia}`,
        ...(database.keepBase && { "keep-base": "true" }),
    };
}

function jobFor(settings: Settings, place: Place, command: Command, said: Said): AgentJobArgs {
    const { source, media, database, masking } = settings;
    const isShared = media.mode !== "copy";
    return {
        ...place,
        ...said,
        command,
        generations: [...said.generations, ...hooksOf(command, hooksPlanOf(settings))],
        because: { ...said.because, ...reasonsOfHooks(command, settings) },
        source,
        isShared,
        keepsOwners: !isShared && media.owners === "production",
        hooks: hooksVolume(command, settings),
        maskingSecret: masking && maskingSecret,
        identity: identityVolume(settings),
        admin: adminOf(database),
        loginSecret: loginSecretName(generationsOf(settings).database, settings.credentials),
        placement: mediaPlacement(place.stack, media),
    };
}

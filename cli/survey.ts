import { type Survey, surveySchema } from "../contract/survey";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import { askAgent } from "./asking";

/**
 * Lets the agent look around where the data is: what backups there are, which generations the replica has.
 *
 * @throws Error when the replica does not stand, or when the agent cannot run
 */
export async function survey(settings: Settings, stackName: string): Promise<Survey> {
    return surveySchema.parse(await askAgent(settings, stackName, "survey"));
}

/** What is known of a replica whose server does not run, so that no agent can be asked. */
export function surveyAsleep({ report }: Sighting): Survey {
    return {
        backups: [],
        databases: report === undefined ? [] : [report.database],
        bases: [],
        media: report === undefined ? [] : [report.media],
        problems: ["Its agent was not asked, as the replica is suspended: backups and former copies are not known."],
    };
}

import { type Survey, surveySchema } from "../contract/survey";
import type { Settings } from "../settings";
import { askAgent } from "./asking";

/**
 * Lets the agent look around where the data is: what backups there are, which generations the replica has.
 *
 * @throws Error when the replica does not stand, or when the agent cannot run
 */
export async function survey(settings: Settings, stackName: string): Promise<Survey> {
    return surveySchema.parse(await askAgent(settings, stackName, "survey"));
}

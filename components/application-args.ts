import type { ApplicationSettings } from "../settings/application";
import type { Store } from "../settings/store";
import type { Generations } from "./generations";
import type { Place } from "./labels";
import type { Placement } from "./pod";
import type { ServerAccess } from "./server-access";

/** Arguments of an `Application`, which each of its parts sees. */
export interface ApplicationArgs extends Place {
    /** Image with its tag. */
    image: string;
    settings: ApplicationSettings;
    /** Where the server of its databases answers. */
    server: Pick<ServerAccess, "host" | "port">;
    /** Live names of the databases, the application's own first. */
    databases: [string, ...string[]];
    /** Copies of the data: the one of the database, whose login role the application gets, and that of the media. */
    generations: Generations;
    /** Production's own media, which are mounted read-only in the place of a copy; there is a copy if undefined. */
    media: Store | undefined;
    /** Secret with that role's password, key `password`. */
    loginSecret: string;
    /** Where pods that mount the media volume may run. */
    placement: Placement;
}

import type * as pulumi from "@pulumi/pulumi";
import type { Live } from "../contract/event";
import type { ApplicationSettings } from "../settings/application";
import type { MailSettings } from "../settings/mail";
import type { Store } from "../settings/store";
import type { Generations } from "./generations";
import type { Place } from "./labels";
import type { Placement } from "./pod";
import type { ServerAccess } from "./server-access";

/** Arguments of an `Application`, which each of its parts sees. */
export interface ApplicationArgs extends Place {
    /** Image with its tag, and the tag. */
    image: string;
    imageTag: string;
    settings: ApplicationSettings;
    /** Where its mail goes. */
    mail: MailSettings;
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
    /** What is live, of which people are told; undefined if nobody could read it. */
    live: pulumi.Output<Live | undefined>;
    /** Where pods that mount the media volume may run. */
    placement: Placement;
}

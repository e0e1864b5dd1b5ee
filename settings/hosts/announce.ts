/** The part of a stack file on hosts that says how a refresh is announced to those who use the replica. */
import { z } from "zod";
import { announce as onKubernetes } from "../announce";
import { hostName } from "./reach";

export const announce = onKubernetes.omit({ secret: true }).extend({
    /** A command of the shell, such as one that sends a mail: it is given the announcement on its standard input. */
    command: z.strictObject({ host: hostName, command: z.string().min(1) }).optional(),
});

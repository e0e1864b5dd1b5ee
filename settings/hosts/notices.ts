/** The part of a stack file on hosts that says who is told of what happens to a replica. */
import { z } from "zod";
import { told } from "../notices";
import { hostName } from "./reach";

export const notices = told.extend({
    /** A command of the shell, such as one that sends a mail: it is given the sentence on its standard input. */
    command: z.strictObject({ host: hostName, command: z.string().min(1) }).optional(),
});

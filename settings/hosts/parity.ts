/** The part of a stack file that says how the application's version on both sides is found out. */
import { z } from "zod";
import { absolutePath } from "../values";
import { hostName } from "./reach";

/** What tells the version of one side; one of these. */
const side = z
    .strictObject({
        /** Where the file or the command is. */
        host: hostName.optional(),
        /** A file whose text is the version. */
        file: absolutePath.optional(),
        /** A command of the shell that prints it. */
        command: z.string().min(1).optional(),
        /** The version itself, such as an image tag. */
        tag: z.string().min(1).optional(),
        /** The newest commit of a branch, as the machine that runs Pulumi finds it. */
        branch: z
            .strictObject({
                repository: z.string().min(1),
                name: z.string().regex(/^[^-~^:?*[\s][^~^:?*[\s]*$/, "write the name of a branch"),
            })
            .optional(),
    })
    .refine(
        ({ file, command, tag, branch }) =>
            [file, command, tag, branch].filter((way) => way !== undefined).length === 1,
        { error: "write one of file, command, tag or branch: {repository, name}" },
    )
    .refine(({ host, file, command }) => (host !== undefined) === (file !== undefined || command !== undefined), {
        error: "write the host that the file or the command is on; a tag or a branch has none",
    });
export type ParitySide = z.infer<typeof side>;

export const parity = z.strictObject({
    source: side,
    target: side,
    /** Why they may differ; reported. */
    allowMismatch: z.string().min(1).optional(),
});
export type ParitySettings = z.infer<typeof parity>;

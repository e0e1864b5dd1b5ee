/** The part of a stack file that says what uses the replica's database, and is stopped for the switch. */
import { z } from "zod";
import { label } from "../values";
import { hostName } from "./reach";

const command = z.string().min(1);

/** A service, on a host or in a cluster. */
export const service = z
    .strictObject({
        /** What people call it; its unit or deployment if left out. */
        name: z.string().min(1).optional(),
        host: hostName.optional(),
        /** A unit of systemd on the host. */
        unit: z
            .string()
            .regex(/^[\w:@.\\-]+$/, "write the name of a unit such as httpd or worker@1.service")
            .optional(),
        /** Commands of the shell on the host: `running` succeeds as long as anything of it runs. */
        commands: z.strictObject({ running: command, stop: command, start: command }).optional(),
        /** A Deployment that is scaled to zero, and back to as many replicas as it had. */
        deployment: z.strictObject({ context: z.string().min(1), namespace: label, name: label }).optional(),
    })
    .refine(
        ({ unit, commands, deployment }) =>
            [unit, commands, deployment].filter((kind) => kind !== undefined).length === 1,
        {
            error: "write one of unit: <name>, commands: {running, stop, start} or deployment: {context, namespace, name}",
        },
    )
    .refine(({ host, deployment }) => (host === undefined) === (deployment !== undefined), {
        error: "write the host that it runs on; a deployment has none",
    })
    .refine(({ name, commands }) => commands === undefined || name !== undefined, {
        error: "write a name for what the commands stop and start",
    })
    .transform(({ name, ...others }) => ({
        ...others,
        name: name ?? others.unit ?? others.deployment?.name ?? "",
    }));
export type ServiceSettings = z.infer<typeof service>;

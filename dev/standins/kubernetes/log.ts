import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export type Severity = "debug" | "info" | "warning" | "error";

/** Where messages for the user go. */
export interface Log {
    /** A message that stays in the run's diagnostics. */
    say(severity: Severity, message: string): void;
    /** A message shown beside the resource while the run lasts; repeated ones are dropped. */
    status(severity: Severity, message: string): void;
    /** Takes the last status away. */
    clear(): void;
}

const severities: Readonly<Record<Severity, LogSeverity>> = {
    debug: LogSeverity.DEBUG,
    info: LogSeverity.INFO,
    warning: LogSeverity.WARNING,
    error: LogSeverity.ERROR,
};

/** Connects to the engine at `address` (`host:port`); the function gives the log of one resource, or of the whole run. */
export function engineLog(address: string): (urn: string) => Log {
    const engine = new EngineClient(address, grpc.credentials.createInsecure());
    const send = (urn: string, severity: Severity, message: string, ephemeral: boolean) => {
        const request = new LogRequest();
        request.setUrn(urn);
        request.setSeverity(severities[severity]);
        request.setMessage(message);
        request.setEphemeral(ephemeral);
        // A message that cannot be delivered must not fail the operation it tells about.
        engine.log(request, () => {});
    };
    return (urn) => {
        const shown = new Set<string>();
        return {
            say: (severity, message) => send(urn, severity, message, false),
            status: (severity, message) => {
                const key = `${severity} ${message}`;
                if (shown.has(key)) return;
                shown.add(key);
                send(urn, severity, message, true);
            },
            clear: () => send(urn, "info", "", true),
        };
    };
}

/** What the catalogue is told by its environment. PostgreSQL's own variables (`PGHOST` …) are read by `pg` itself. */
export interface Settings {
    /** TCP port of the web server. */
    port: number;
    /** Folder with `icons/` (part of the data) and `uploads/` (pictures that people added). */
    mediaRoot: string;
    /** Second database, which records who changed what. Absent: changes are not recorded. */
    auditDatabase: string | undefined;
    /** Mail server, in place of the one that the database names. */
    mailServer: { host: string; port: number } | undefined;
    /** Set on a replica only: what every page says of it. */
    replica: Replica | undefined;
}

/** What a replica tells its people. Everything but the stack may be left out. */
export interface Replica {
    /** `<project>/<stack>` of the replica. */
    stack: string;
    /** What those who look at it should know. */
    warning: string | undefined;
    /** Where else to look. */
    seeAlso: string | undefined;
}

/**
 * Reads the settings.
 *
 * @throws if `MEDIA_ROOT` is missing or `PORT` is not a number
 */
export function settingsFrom(environment: NodeJS.ProcessEnv): Settings {
    const port = Number(environment.PORT ?? 8080);
    if (!Number.isInteger(port)) throw new Error(`PORT is "${environment.PORT}": give the number of a TCP port.`);
    if (!environment.MEDIA_ROOT) throw new Error("MEDIA_ROOT is not set: give the folder that holds icons/.");
    return {
        port,
        mediaRoot: environment.MEDIA_ROOT,
        auditDatabase: environment.AUDIT_DATABASE || undefined,
        mailServer: environment.SMTP_HOST
            ? { host: environment.SMTP_HOST, port: Number(environment.SMTP_PORT ?? 25) }
            : undefined,
        replica: replicaFrom(environment),
    };
}

function replicaFrom(environment: NodeJS.ProcessEnv): Replica | undefined {
    if (!environment.UNDERSTUDY_STACK) return undefined;
    return {
        stack: environment.UNDERSTUDY_STACK,
        warning: environment.UNDERSTUDY_WARNING || undefined,
        seeAlso: environment.UNDERSTUDY_SEE_ALSO || undefined,
    };
}

/** What the application's containers find in their environment. */
import { generationName } from "../contract";
import type { ApplicationArgs } from "./application-args";
import { mailEnvironment } from "./mail-configuration";
import { poolerHost } from "./pooler";
import { poolerPort } from "./pooler-configuration";
import { redisHost, redisPort } from "./redis";
import { applicationSecret } from "./secrets";

type Variable = { value: string } | { valueFrom: { secretKeyRef: { name: string; key: string } } };

/** What every application is told, then what the stack file adds or overrides. */
export function environment(args: ApplicationArgs): ({ name: string } & Variable)[] {
    const { settings, loginSecret } = args;
    const random = settings.secrets.map((name) => [name, fromSecret(applicationSecret, name)] as const);
    // By name: the server refuses a variable that is listed twice.
    const variables: Record<string, Variable> = {
        ...values(told(args)),
        PGPASSWORD: fromSecret(loginSecret, "password"),
        ...Object.fromEntries(random),
        ...values(mailEnvironment(args.mail)),
        ...values(settings.environment),
    };
    return Object.entries(variables).map(([name, variable]) => ({ name, ...variable }));
}

function told(args: ApplicationArgs): Record<string, string> {
    const { stack, settings, generations } = args;
    const [database] = args.databases;
    const { warning, seeAlso } = settings;
    const server = settings.pooler === undefined ? args.server : { host: poolerHost, port: poolerPort };
    return {
        PGHOST: server.host,
        PGPORT: String(server.port),
        PGDATABASE: database,
        PGUSER: generationName(database, generations.database),
        PORT: String(settings.port),
        MEDIA_ROOT: settings.mediaPath,
        ...(settings.redis !== undefined && { REDIS_HOST: redisHost, REDIS_PORT: String(redisPort) }),
        UNDERSTUDY_STACK: stack,
        UNDERSTUDY_DATABASE_GENERATION: generations.database,
        UNDERSTUDY_MEDIA_GENERATION: generations.media,
        ...(warning !== undefined && { UNDERSTUDY_WARNING: literal(warning) }),
        ...(seeAlso !== undefined && { UNDERSTUDY_SEE_ALSO: literal(seeAlso) }),
    };
}

/** A text for people as it is: Kubernetes would put a variable's value in the place of `$(NAME)`. */
function literal(text: string): string {
    return text.replaceAll("$", "$$$$");
}

function values(texts: Record<string, string>): Record<string, Variable> {
    return Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, { value }]));
}

function fromSecret(name: string, key: string): Variable {
    return { valueFrom: { secretKeyRef: { name, key } } };
}

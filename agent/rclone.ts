import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PassThrough, Readable, type Writable } from "node:stream";
import type { Origin } from "../contract";

/** A remote that rclone reads; see the plan. */
export type Remote = Exclude<Origin, string> & {
    /** All that rclone has for an environment; the agent's own if left out. */
    environment?: NodeJS.ProcessEnv;
};

/** A file or folder as rclone lists it. */
export interface Listed {
    /** Below what was listed. */
    Path: string;
    Size: number;
    /** When the store got it, as ISO time. */
    ModTime: string;
    IsDir: boolean;
}

/** rclone has failed. The message is a sentence; it holds no credentials. */
export class RcloneError extends Error {}

/** rclone's exit status for a folder, or a bucket, that is not there. */
const notFound = 3;

/** A server that cannot be reached is to be told of within a minute. */
const impatient = ["--retries=1", "--low-level-retries=3", "--contimeout=10s"];

/**
 * Lists a remote line by line, with the times at which the store got its objects: those are in the listing itself,
 * change with every upload, and cannot be set. The times that clients keep would cost a request for each file.
 *
 * @typeParam More what the options add to an entry
 * @param options further ones, such as `--recursive`
 * @throws {RcloneError} when it cannot be listed
 */
export async function list<More = unknown>(
    remote: Remote,
    options: string[],
    each: (entry: Listed & More) => void,
    signal?: AbortSignal,
): Promise<void> {
    const args = ["lsjson", "--no-mimetype", "--use-server-modtime", ...options, ...impatient];
    const { child, ended } = start(remote, args, [remote.remote], signal);
    for await (const line of createInterface({ input: child.stdout })) {
        if (line.startsWith("{")) {
            each(JSON.parse(line.replace(/,$/, "")) as Listed & More);
        }
    }
    await ended;
}

/**
 * Opens an object of a remote. The stream ends well only if rclone did, and if it gave as many bytes as are listed: of
 * an object that is gone, rclone makes nothing, and no error.
 */
export function read(remote: Remote, path: string, bytes: number): Readable {
    const file = { ...remote, remote: `${remote.remote}/${path}` };
    const stop = new AbortController();
    const { child, ended } = start(file, ["cat"], [file.remote], stop.signal);
    const output = new PassThrough({ highWaterMark: 1_048_576 });
    let given = 0;
    child.stdout.on("data", (chunk: Buffer) => {
        given += chunk.length;
    });
    child.stdout.pipe(output, { end: false });
    ended.then(
        () => {
            if (given === bytes) {
                output.end();
            } else {
                output.destroy(new RcloneError(`${nameOf(file)} gave ${given} bytes instead of ${bytes}`));
            }
        },
        (error: Error) => output.destroy(error),
    );
    output.on("close", () => stop.abort());
    return output;
}

/**
 * Copies files of a remote into a folder that has none of them.
 *
 * @param names file with their paths, one a line
 * @throws {RcloneError} when one that is there cannot be copied
 */
export async function copy(remote: Remote, names: string, folder: string, signal: AbortSignal): Promise<void> {
    const args = ["copy", "--no-traverse", "--use-server-modtime", "--transfers=8", `--files-from-raw=${names}`];
    const { child, ended } = start(remote, args, [remote.remote, folder], signal);
    child.stdout.resume();
    await ended;
}

/**
 * Copies what a folder holds to a remote. What is there already stays as it is; names that begin with a dot stay away.
 *
 * @throws {RcloneError} when something cannot be copied
 */
export async function upload(folder: string, remote: Remote, signal: AbortSignal): Promise<void> {
    const options = ["--ignore-existing", "--exclude=.*", "--exclude=.*/**"];
    await uploading(remote, [...options, ...impatient], folder, signal);
}

/**
 * Copies one file to a remote, in the place of a former one.
 *
 * @throws {RcloneError} when it cannot be copied
 */
export async function uploadFile(file: string, remote: Remote, signal: AbortSignal): Promise<void> {
    await uploading(remote, impatient, file, signal);
}

/**
 * Makes a remote what a folder holds: what it has besides goes. Links stay away.
 *
 * @param exclude globs of what stays away, and stays where it is in the remote
 * @throws {RcloneError} when something cannot be copied or removed
 */
export async function mirror(folder: string, remote: Remote, exclude: string[], signal: AbortSignal): Promise<void> {
    const options = ["--skip-links", ...exclude.map((glob) => `--exclude=${glob}`), ...impatient];
    await uploading(remote, options, folder, signal, "sync");
}

async function uploading(
    remote: Remote,
    options: string[],
    from: string,
    signal: AbortSignal,
    how: "copy" | "sync" = "copy",
): Promise<void> {
    // Without the slash, rclone takes a folder for a file when the server does not let it look.
    const places = [from, `${remote.remote}/`];
    const { child, ended } = start(remote, [how, ...options], places, signal, "write to");
    child.stdout.resume();
    await ended;
}

/** What else a run of rclone is given. */
export interface Transfer {
    signal: AbortSignal;
    /** What it reads on its standard input. */
    input?: string | Iterable<string> | AsyncIterable<Buffer>;
    /** Is told each line of its log. */
    watch?: (line: string) => void;
}

/**
 * Has rclone bring what one remote holds to another, or compare them. Each server is asked with its own remote's
 * credentials, and the data pass through here.
 *
 * @throws {RcloneError} when something cannot be copied or removed, or is not the same
 */
export async function transfer(
    how: "sync" | "copy" | "check",
    from: Remote,
    to: Remote,
    options: string[],
    more: Transfer,
): Promise<void> {
    const both = { ...to, environment: { ...from.environment, ...to.environment } };
    const places = [from.remote, to.remote];
    const { child, ended } = start(both, [how, ...options], places, more.signal, `${how} ${nameOf(from)} with`, more);
    child.stdout.resume();
    await ended;
}

/** As many parts as an object may have hold 600 GiB then, in 128 MiB of memory. */
const largeParts = ["--s3-chunk-size=64Mi", "--s3-upload-concurrency=2"];

/**
 * Writes an object, in the place of a former one. Where the input breaks off it holds what had come.
 *
 * @throws {RcloneError} when it cannot be written
 */
export async function write(
    remote: Remote,
    path: string,
    input: string | AsyncIterable<Buffer>,
    signal: AbortSignal,
): Promise<void> {
    const place = `${remote.remote}${path}`;
    const args = ["rcat", ...largeParts, ...impatient];
    const { child, ended } = start(remote, args, [place], signal, "write to", { input });
    child.stdout.resume();
    await ended;
}

/** Whether a remote's folder, or file, can be read without its credentials. */
export async function isPublic(remote: Remote, signal: AbortSignal): Promise<boolean> {
    const anonymous = remote.remote.replace(":", ",access_key_id=,secret_access_key=:");
    const { child, ended } = start(remote, ["lsjson", "--no-mimetype", ...impatient], [anonymous], signal);
    child.stdout.resume();
    return ended.then(
        () => true,
        () => {
            signal.throwIfAborted();
            return false;
        },
    );
}

/** A remote for people: `s3://bucket/prefix`. */
export function nameOf({ remote }: Pick<Remote, "remote">): string {
    return remote.replace(/^\w+:/, "s3://");
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function start(
    remote: Remote,
    args: string[],
    places: string[],
    signal?: AbortSignal,
    doing = "read",
    { input = [], watch }: Partial<Transfer> = {},
) {
    const child: Child = spawn(remote.rclone, [...args, "--config=/dev/null", "--", ...places], {
        stdio: ["pipe", "pipe", "pipe"],
        ...(signal && { signal }),
        ...(remote.environment && { env: remote.environment }),
        killSignal: "SIGKILL",
    });
    // It may end before it has read everything, and then says why.
    child.stdin.on("error", () => undefined);
    Readable.from(input).pipe(child.stdin);
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
        errors = (errors + chunk.toString()).slice(-20_000);
    });
    if (watch !== undefined) {
        createInterface({ input: child.stderr }).on("line", watch);
    }
    const ended = new Promise<void>((resolve, reject) => {
        child.on("error", (error) => {
            reject(signal?.aborted ? error : new RcloneError(`rclone cannot be started (${error.message})`));
        });
        child.on("close", (status, killed) => {
            if (status === 0) {
                resolve();
            } else {
                const last =
                    killed === null ? problemIn(errors, status, remote.environment) : `it was ended by ${killed}`;
                reject(new RcloneError(`rclone could not ${doing} ${nameOf(remote)}: ${last}`));
            }
        });
    });
    // Whoever reads the output hears of it afterwards.
    ended.catch(() => undefined);
    return { child, ended };
}

/** What rclone said in the end, without the time, and without the credentials if they should be in it. */
function problemIn(errors: string, status: number | null, environment: NodeJS.ProcessEnv | undefined): string {
    if (status === notFound) {
        return "there is no such bucket";
    }
    const lines = errors.trim().split("\n");
    const line = objectsMessageIn(lines) ?? messageOf(lines.at(-1) ?? "");
    const message = line.replace(/^[\d/]+ [\d:]+ \w+ *: /, "").replace(/^.*last error was: /, "");
    const code = /api error (\w+)/.exec(message)?.[1];
    const said = code !== undefined && isRefusal(code) ? `the server refuses the credentials (${code})` : message;
    return withoutCredentials(said || `it ended with status ${status}`, environment);
}

/** What a line of rclone's log says, which is JSON if it was asked for that. */
function messageOf(line: string): string {
    return entryIn(line)?.msg ?? line;
}

/** The last problem with an object, which says more than that there was one. */
function objectsMessageIn(lines: string[]): string | undefined {
    const entry = lines.map(entryIn).findLast((one) => one?.level === "error" && one.objectType?.endsWith("Object"));
    return entry && `${entry.object}: ${entry.msg}`;
}

function entryIn(line: string): { level: string; msg: string; object?: string; objectType?: string } | undefined {
    try {
        return JSON.parse(line);
    } catch {
        return undefined;
    }
}

/** Whether an S3 server's error is about who asks. */
function isRefusal(code: string): boolean {
    return /^(AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken)$/.test(code);
}

function withoutCredentials(text: string, environment = process.env): string {
    const secrets = Object.entries(environment).filter(([name]) =>
        /^RCLONE_CONFIG_\w+_(KEY_ID|ACCESS_KEY|TOKEN)$/.test(name),
    );
    return secrets.reduce((rest, [, value]) => (value ? rest.replaceAll(value, "…") : rest), text);
}

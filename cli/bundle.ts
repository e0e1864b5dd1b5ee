/** `understudy bundle`: the live copy of a replica on hosts as a folder that developers start on machines of their own. */
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { describePlaces, filesIn, linesIn } from "../agent/configuration/scan";
import { unlessAbsent } from "../agent/media/failure";
import { into, receive } from "../agent/transfer/receive";
import { copiesOf } from "../components/hosts/files";
import { generationsOf } from "../components/hosts/generations";
import { type HostReplicaArgs, orderOf } from "../components/hosts/replica";
import type { CopySending } from "../contract/hosts";
import type { Survey } from "../contract/survey";
import { startAgent } from "../hosts/agent";
import type { Order } from "../hosts/order";
import { openWays } from "../hosts/way";
import type { HostSettings } from "../settings/hosts";
import { rendered } from "../settings/hosts/files";
import { run } from "./child";
import { composeFile, configuration, readme, valuesInBundle } from "./compose";

/** What a bundle is made of. */
export interface BundleRequest extends HostReplicaArgs {
    settings: HostSettings;
    survey: Survey | undefined;
    /** Where it is made. */
    folder: string;
    /** Why people's data may be in it as production has it. */
    unmasked?: string;
}

/**
 * Makes a bundle, whole or not at all.
 *
 * @returns a sentence
 * @throws Error when there is nothing to make it of, or when it would hold what it may not
 */
export async function makeBundle(request: BundleRequest): Promise<string> {
    const { settings, folder, stack, unmasked } = request;
    const live = liveCopy(request);
    await refuseFull(folder);
    const partial = `${resolve(folder)}.partial`;
    await rm(partial, { recursive: true, force: true });
    try {
        await mkdir(dirname(partial), { recursive: true });
        await mkdir(partial, { mode: 0o700 });
        const order = orderOf(request, "");
        await fetchCopy(order, leftOut(settings), partial);
        const version = await readFile(join(partial, "version"), "utf8");
        await rm(join(partial, "version"));
        const paths = await writeConfiguration(settings, partial);
        await writeFile(join(partial, "compose.yaml"), composeFile(settings, version, paths));
        const about = { stack, ...live, made: new Date().toISOString(), ...(unmasked !== undefined && { unmasked }) };
        await writeFile(join(partial, "README.md"), readme(settings, about));
        await refuseSecrets(partial, secretsOf(settings, order));
        await rm(folder, { recursive: true, force: true });
        await rename(partial, folder);
    } catch (error) {
        await rm(partial, { recursive: true, force: true });
        throw error;
    }
    return `The bundle is in ${folder}: docker compose up --detach --wait there starts it.`;
}

/** What is live and as the stack file says: what is masked otherwise, or not at all, goes to nobody. */
function liveCopy({ settings, survey, stack, unmasked }: BundleRequest): { generation: string; stamp: string } {
    if (settings.masking === undefined && unmasked === undefined) {
        throw new Error(
            `The stack file of ${stack} has no masking: a bundle would bring people's data as production has it to machines ` +
                'of developers. Write masking, or say why with --unmasked "<reason>".',
        );
    }
    const wanted = generationsOf(settings);
    const live = survey?.databases.find(({ state }) => state === "live");
    if (live === undefined || live.id !== wanted.database) {
        throw new Error(
            live === undefined
                ? `Nothing of ${stack} is live: run understudy up first.`
                : `The stack file of ${stack} asks for another copy than the one that is live (${live.id}): run understudy up first.`,
        );
    }
    return { generation: live.id, stamp: live.report?.stamp ?? "unknown" };
}

async function refuseFull(folder: string): Promise<void> {
    const there = await readdir(folder).catch(unlessAbsent);
    if (there !== undefined && there.length > 0) {
        throw new Error(`The folder ${folder} is not empty: name one for the bundle alone.`);
    }
}

/** Files that are written for the replica alone, by the folders that they stand in. */
function leftOut(settings: HostSettings): Record<string, string[]> {
    const written = settings.files.filter(({ host }) => host === settings.target.host).map(({ path }) => path);
    return Object.fromEntries(
        copiesOf(settings).map(({ name, link }) => [
            name,
            written.filter((path) => path.startsWith(`${link}/`)).map((path) => path.slice(link.length + 1)),
        ]),
    );
}

/** Brings the live copy here; nothing is written on the target. */
async function fetchCopy(order: Order, leaveOut: CopySending["leaveOut"], folder: string): Promise<void> {
    const { target } = order;
    const ways = openWays(order.hosts);
    try {
        const plan: CopySending = { plan: target.plan, leaveOut };
        const sender = startAgent(order, ways, { ...target, plan, command: "send-copy", raw: true });
        // Why it has ended says more than that it has.
        const failed = sender.ended.then(
            () => undefined,
            (error: Error) => error,
        );
        await receive(sender.output as AsyncIterable<Buffer>, into(folder)).catch(async (error: Error) => {
            sender.abandon();
            throw (await failed) ?? error;
        });
        await sender.ended;
    } finally {
        ways.close();
    }
    for (const name of (await readdir(join(folder, "files")).catch(unlessAbsent)) ?? []) {
        const archive = join(folder, "files", name);
        const tree = archive.slice(0, -".tar".length);
        await mkdir(tree);
        await run("tar", ["--extract", `--file=${archive}`, `--directory=${tree}`, "--no-same-owner"]);
        await rm(archive);
    }
}

/** Writes the configuration files as developers need them. Returns the paths of those that stand in no folder. */
async function writeConfiguration(settings: HostSettings, folder: string): Promise<string[]> {
    const values = valuesInBundle(settings);
    const copies = copiesOf(settings);
    const paths: string[] = [];
    for (const { host, path, text } of settings.files) {
        const copy = host === settings.target.host ? copies.find(({ link }) => path.startsWith(`${link}/`)) : undefined;
        const place =
            copy === undefined
                ? join(folder, configuration, path)
                : join(folder, "files", copy.name, path.slice(copy.link.length));
        if (copy === undefined) {
            paths.push(path);
        }
        await mkdir(dirname(place), { recursive: true });
        await writeFile(place, rendered(text, values));
    }
    return paths;
}

/** Everything that a bundle must not hold: what is forbidden, and every secret that is long enough to be one. */
function secretsOf({ forbidden, secrets, source, target }: HostSettings, { hosts }: Order): Buffer[] {
    const passwords = [target.login.password, target.server.password, source.database.server.password];
    const keys = Object.values(hosts).map(({ ssh }) => ssh?.key?.trim());
    const own = Object.values(secrets).flatMap((values) => Object.values(values));
    const texts = [...passwords, ...keys, ...own].filter((text) => text !== undefined && text.length >= 8);
    return [...(forbidden?.texts ?? []), ...texts].map((text) => Buffer.from(text as string));
}

async function refuseSecrets(folder: string, texts: Buffer[]): Promise<void> {
    const found: string[] = [];
    for await (const path of filesIn(folder)) {
        const content = createReadStream(path);
        const lines = await linesIn(path.endsWith(".sql.gz") ? content.pipe(createGunzip()) : content, texts);
        found.push(...lines.map((line) => `${relative(folder, path)} line ${line}`));
    }
    if (found.length > 0) {
        throw new Error(
            `A password of the replica's, or what forbidden names, would be in the bundle (${describePlaces(found)}): ` +
                "leave that file out, or take the text out with masking or identity. No bundle was made.",
        );
    }
}

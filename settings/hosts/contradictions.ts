/** What a stack file on hosts says in two places that cannot both be meant. */
import { bucketsContradictions } from "../buckets";
import { databasesOf } from "../database";
import { hooksContradictions } from "../hooks";
import { identityContradictions } from "../identity";
import { maskingContradictions } from "../masking";
import type { HostSettings, Written } from ".";
import { engineContradictions } from "./engine";
import { foldersContradictions, hostOf } from "./folders";
import { hostsContradictions } from "./reach";
import { secretsMissing } from "./secrets";

/** What is meant by none of the settings, wherever the hosts are. */
export function contradictions(settings: Written): string[] {
    const { hosts, source, database, media, masking, identity, target } = settings;
    const names = databasesOf(database).map(({ name }) => name);
    const problems = [
        ...hostsContradictions(hosts),
        ...engineContradictions(settings),
        ...(settings.buckets === undefined ? [] : bucketsContradictions(settings.buckets)),
        ...hooksContradictions(settings.hooks, names, target.page !== undefined),
        ...(masking === undefined ? [] : maskingContradictions(masking, names)),
        ...(identity === undefined ? [] : identityContradictions(identity, names.slice(1))),
        ...secretsMissing(settings),
    ];
    const { user } = target.login;
    for (const owner of new Set([database, ...database.others].map((one) => one.owner))) {
        if (owner === user) {
            problems.push(
                `target.login.user is "${user}", which is the database's owner as well: write another owner, such as ` +
                    `${user}_owner, and production's to database.production.owner; the login acts as the owner`,
            );
        }
    }
    if (source.database !== undefined && source.stack !== undefined) {
        problems.push("source.stack and source.database are both written: leave one of them out");
    }
    if (source.database?.files === undefined && database.backup !== "now") {
        problems.push(
            `database.backup is ${database.backup}, but nobody says where dumps are: write source.database.files, or now`,
        );
    }
    if (source.database?.files !== undefined && database.backup === "now" && source.database.command === undefined) {
        problems.push(
            "source.database.files is written, but database.backup is now, which makes a dump of its own: write latest, or leave out files",
        );
    }
    if (media !== undefined && source.media === undefined) {
        problems.push("source.media is missing: write the folder of production's files, or {host, folder}");
    }
    if (media?.mode === "copy" && target.media === undefined) {
        problems.push("target.media is missing: write the folder for the copies of the media");
    }
    if (media === undefined && (source.media ?? target.media) !== undefined) {
        problems.push(
            "media is missing: write how production's files become the replica's, or leave out their folders",
        );
    }
    problems.push(
        ...foldersContradictions(settings.folders, {
            to: target.media,
            from: source.media,
            isShared: media?.mode === "share-read-only",
        }),
    );
    const services = settings.services.map(({ host = "", name }) => `${host}/${name}`);
    for (const twice of new Set(services.filter((one, at) => services.indexOf(one) !== at))) {
        problems.push(`services holds ${twice.replace(/^.*\//, "")} a second time: write each service once for a host`);
    }
    return problems;
}

/** Machines that are named and not there, and a target that is the source. */
export function placeContradictions({
    hosts,
    source,
    target,
    services,
    parity,
    database,
    folders,
    files,
    notices,
}: HostSettings): string[] {
    const named: [string, string | undefined][] = [
        [
            source.stack === undefined ? "source.database.host" : `target.host of stack ${source.stack}`,
            source.database.host,
        ],
        ["target.host", target.host],
        ["source.media.host", hostOf(source.media)],
        ...files.map(({ host }, at): [string, string | undefined] => [`files.${at}.host`, host]),
        ...folders.map(({ from }, at): [string, string | undefined] => [`folders.${at}.from.host`, hostOf(from)]),
        ...services.map(({ host }, at): [string, string | undefined] => [`services.${at}.host`, host]),
        ["parity.source.host", parity?.source.host],
        ["parity.target.host", parity?.target.host],
        ["notices.command.host", notices?.command?.host],
    ];
    const problems = named
        .filter(([, name]) => name !== undefined && hosts[name] === undefined)
        .map(
            ([key, name]) =>
                `${key} is "${name}", which is no host: write one of ${Object.keys(hosts).join(", ")}, or add it to hosts`,
        );
    if (notices !== undefined && notices.url === undefined && notices.command === undefined) {
        problems.push("notices has nobody who could be told: write notices.url or notices.command, or leave it out");
    }
    const from = source.database;
    const isSameServer =
        from.host === target.host && from.server.host === target.server.host && from.server.port === target.server.port;
    if (isSameServer && !from.replica) {
        problems.push(
            `target.host is "${target.host}", whose server is production's own: write another machine, or another server on it`,
        );
    }
    const own = databasesOf(database).filter(({ name, production }) => (production?.name ?? name) === name);
    if (isSameServer && from.replica && own.length > 0) {
        problems.push(
            `database.name is "${own[0]?.name}", which is the database of stack ${source.stack} on the same server: write ` +
                "another name, and its name there to database.production.name",
        );
    }
    return problems;
}

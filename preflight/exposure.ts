/** Ways to production that the settings would open, and what they would hand over of it. */
import { BlockList, isIP } from "node:net";
import type { Settings } from "../settings";
import type { Sighting } from "../sighting";
import type { Belonging, Belongings } from "../sighting/belongings";
import { type Fingerprint, heldIn } from "../sighting/fingerprint";

/** Everything of production's that the replica would reach, answer to or be told, one sentence each. */
export function exposureObjections(settings: Settings, { belongings }: Sighting): string[] {
    if (belongings === undefined) {
        return [];
    }
    const { namespace } = settings.target;
    return [
        ...opened(settings, belongings),
        ...shared(settings, belongings),
        ...told(settings, belongings),
        ...belongings.borrowed.map(({ secret, key, from }) =>
            held(`Secret ${secret} of namespace ${namespace}, key ${key},`, from),
        ),
    ];
}

/** What could not be compared, one sentence each. */
export function exposureWarnings({ belongings, unseen }: Sighting): string[] {
    const { unseen: unread, unknown = [] } = belongings ?? {};
    if (unread === undefined) {
        return unknown;
    }
    // The same reason has been given already where nothing at all of production's cluster could be read.
    const reason = unseen === undefined ? `${unread}. ` : "";
    return [`${reason}What the replica reaches and is told was not compared with what is production's.`, ...unknown];
}

function held(what: string, { secret, key }: Fingerprint): string {
    return (
        `${what} holds what production's Secret ${secret} has under ${key}: write a value of the replica's own, or ` +
        `${secret}/${key} to isolation.public if that is no secret.`
    );
}

/** Addresses of production's in what may be reached, or may reach the replica. */
function opened({ isolation }: Settings, { addresses }: Belongings): string[] {
    const { allow, web = [], server = [] } = isolation;
    return Object.entries({ allow, web, server }).flatMap(([list, parties]) =>
        parties.flatMap(({ cidr }, at) => {
            const inside = cidr === undefined ? undefined : addresses.find(({ value }) => holds(cidr, value));
            return inside === undefined
                ? []
                : `isolation.${list}.${at}.cidr is ${cidr}, which holds ${inside.value}, ${inside.is}: write fewer ` +
                      "addresses, without production's.";
        }),
    );
}

/** Whether an address is one of a range: `holds("10.0.0.0/8", "10.1.2.3")`. */
export function holds(cidr: string, address: string): boolean {
    const [network = "", bits = ""] = cidr.split("/");
    const [range, family] = [new BlockList(), isIP(network) === 6 ? "ipv6" : "ipv4"] as const;
    range.addSubnet(network, Number(bits), family);
    return range.check(address, family);
}

/** The replica's own hosts, if they are production's. */
function shared({ application, database }: Settings, { hosts, addresses }: Belongings): string[] {
    const own = {
        "application.ingress.host": application?.ingress?.host,
        "database.server.host": database.server?.host,
    };
    return Object.entries(own).flatMap(([setting, host]) => {
        const theirs = [...hosts, ...addresses].find(({ value }) => value === host);
        return theirs === undefined ? [] : `${setting} is ${host}, ${theirs.is}: write one of the replica's own.`;
    });
}

/** What the application's variables and commands name or hold of production's. */
function told(settings: Settings, { hosts, addresses, secrets }: Belongings): string[] {
    return texts(settings).flatMap(([setting, text]) => {
        const value = heldIn(text, secrets);
        const named = [...hosts, ...addresses].find((belonging) => mentions(text, belonging));
        return [
            ...(value === undefined ? [] : [held(setting, value)]),
            ...(named === undefined
                ? []
                : [
                      `${setting} names ${named.value}, ${named.is}: write what is the replica's own, such as $(PGHOST).`,
                  ]),
        ];
    });
}

/** Whether a text names a host or an address, and not another one that begins or ends alike. */
export function mentions(text: string, { value, below = false }: Belonging): boolean {
    const name = value.replace(/[.:]/g, "\\$&");
    return new RegExp(`(?<![\\w${below ? "" : "."}-])${name}(?!\\.?[\\w-])`, "i").test(text);
}

/** Settings whose texts the application finds in its environment or its arguments. What people are told is not among them. */
function texts({ application }: Settings): [setting: string, text: string][] {
    if (application === undefined) {
        return [];
    }
    const { environment, command, workers } = application;
    const commands = Object.entries(workers).map(
        ([name, worker]) => [`workers.${name}.command`, worker.command] as const,
    );
    return [
        ...Object.entries(environment).map(([name, text]): [string, string] => [
            `application.environment.${name}`,
            text,
        ]),
        ...[["command", command ?? []] as const, ...commands].flatMap(([name, words]) =>
            words.map((word): [string, string] => [`application.${name}`, word]),
        ),
    ];
}

/** The roles that take part in a load, by name. */
export interface Cast {
    /** Role that owns the restored database in the end. */
    owner: string;
    /** Role that loads, and stands in for the owner meanwhile: it must not be able to act as the owner. */
    standIn: string;
    /** Group that may create in every schema, so that what is loaded can be given to its members. */
    load: string;
    /** Roles in the dump whose things become the owner's: the owner in production, and superusers. */
    aliases: string[];
}

/** What becomes of one statement of a dump. */
export type Direction =
    | {
          kind: "pass";
          text: Buffer;
          /** Roles that have to exist before it runs. */
          roles: string[];
          /** Those of them that the stand-in has to be a member of. */
          members: string[];
          /** SQL to run right after it. */
          after?: string;
      }
    | { kind: "skip"; reason: string }
    /** To be run as the owner once nothing of the dump runs any more. */
    | { kind: "defer"; text: string; roles: string[] };

/** Statements that are left out, by their first words, and why. Those without a reason are not worth a word. */
const skipped: { words: RegExp; reason: string }[] = [
    { words: /^(create|drop|alter|comment on) database\b/, reason: "" },
    { words: /^(grant|revoke) .*\bon database\b/, reason: "rights on the database itself: the replica sets its own" },
    { words: /^alter role\b/, reason: "settings of roles: the replica has its own roles" },
    { words: /^(comment on|drop) extension (if exists )?plpgsql\b/, reason: "" },
    { words: /^set (default_tablespace|transaction_timeout)\b/, reason: "" },
    { words: /^(create|alter|drop|comment on) publication\b/, reason: "publications: a replica publishes nothing" },
    {
        words: /^(create|alter|drop|comment on) subscription\b/,
        reason: "subscriptions: a replica subscribes to nothing",
    },
];

/** A word, name or sign of a statement. */
interface Token {
    text: string;
    /** Offset in the statement. */
    at: number;
    /** A name as PostgreSQL understands it: folded, or without its quotes. */
    name?: string;
}

/**
 * Says what becomes of a statement: most pass as they are; those that name roles are changed so that a role without
 * privileges can run them, and those that reach beyond the database are left out.
 */
export function direct(text: Buffer, words: string[], cast: Cast): Direction {
    const beginning = words.join(" ");
    const rule = skipped.find(({ words }) => words.test(beginning));
    if (rule !== undefined) {
        return { kind: "skip", reason: rule.reason };
    }
    switch (words[0]) {
        case "alter":
            return beginning.startsWith("alter default privileges") ? defaults(text, cast) : ownership(text, cast);
        case "grant":
        case "revoke":
            return rights(text, cast);
        case "create":
            return words[1] === "policy" ? policy(text, cast) : words[1] === "schema" ? schema(text, cast) : pass(text);
        case "set":
            return beginning.startsWith("set session authorization") ? authorization(text, cast) : setting(text);
        case "reset":
            return beginning === "reset session authorization" ? pass(Buffer.from("RESET ROLE;")) : pass(text);
        default:
            return pass(text);
    }
}

/**
 * `SET client_encoding = 'SQL_ASCII';`: COPY would then take any bytes, also those that are no text in the copy's encoding.
 * They are read as text in that.
 */
function setting(text: Buffer): Direction {
    const bytes = text.toString("latin1") === "SET client_encoding = 'SQL_ASCII';";
    const own = "SELECT pg_catalog.set_config('client_encoding', pg_catalog.getdatabaseencoding(), false);";
    return pass(bytes ? Buffer.from(own) : text);
}

/** A sequence's position as a dump sets it. */
export interface Position {
    /** Name as the dump writes it, with its quotes. */
    sequence: string;
    value: string;
    called: boolean;
}

/** The position that a statement sets, if that is what it does. */
export function positionIn(text: Buffer): Position | undefined {
    const pattern = /^SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$/;
    const [, sequence, value, called] = pattern.exec(text.toString()) ?? [];
    return sequence === undefined || value === undefined
        ? undefined
        : { sequence: sequence.replaceAll("''", "'"), value, called: called === "true" };
}

/** Name of the table that a COPY statement fills, as the dump writes it. */
export function copiedTable(text: Buffer): string {
    const [, name] = /^COPY\s+((?:"(?:[^"]|"")*"|[^\s("])+)/i.exec(text.toString()) ?? [];
    return name ?? "";
}

function pass(text: Buffer, roles: string[] = [], members: string[] = [], after?: string): Direction {
    return { kind: "pass", text, roles, members, ...(after !== undefined && { after }) };
}

/** `ALTER … OWNER TO role;`: the stand-in keeps what is the owner's until the end. */
function ownership(text: Buffer, cast: Cast): Direction {
    const tokens = tokensOf(text);
    const role = tokens.at(-2);
    const keywords = tokens.slice(-4, -2).map(({ name }) => name);
    if (role?.name === undefined || keywords.join(" ") !== "owner to") {
        return pass(text);
    }
    if (isOwner(role.name, cast)) {
        return pass(replace(text, role, quoted(cast.standIn)));
    }
    return pass(text, [decoded(role.name)], [decoded(role.name)]);
}

/**
 * `GRANT … TO roles` and `REVOKE … FROM roles`: what is granted to the owner is granted to the stand-in as well, since
 * rights on the owner's own things are the stand-in's until the end.
 */
function rights(text: Buffer, cast: Cast): Direction {
    const list = rolesAfter(tokensOf(text), ["to", "from"]);
    const roles = list.map(({ name }) => decoded(nameFor(name, cast)));
    const owner = list.find(({ name }) => isOwner(name, cast));
    return owner === undefined
        ? pass(text, roles)
        : pass(replace(text, owner, `${quoted(cast.owner)}, ${quoted(cast.standIn)}`), roles);
}

/** The owner's default privileges can only be set by a member of the owner, which the stand-in must not be. */
function defaults(text: Buffer, cast: Cast): Direction {
    const tokens = tokensOf(text);
    const subject = tokens[tokens.findIndex(({ name }) => name === "role") + 1];
    const list = rolesAfter(tokens, ["to", "from"]);
    const roles = list.map(({ name }) => decoded(nameFor(name, cast)));
    const receiver = list.find(({ name }) => isOwner(name, cast));
    const changed = receiver === undefined ? text : replace(text, receiver, quoted(cast.owner));
    if (subject?.name === undefined) {
        return pass(text, roles);
    }
    if (isOwner(subject.name, cast)) {
        return { kind: "defer", text: replace(changed, subject, quoted(cast.owner)).toString(), roles };
    }
    return pass(changed, [...roles, decoded(subject.name)], [decoded(subject.name)]);
}

/** `CREATE POLICY … TO roles USING …`. */
function policy(text: Buffer, cast: Cast): Direction {
    const tokens = tokensOf(text);
    const end = tokens.findIndex(({ name }) => name === "using" || name === "with");
    const list = rolesAfter(tokens.slice(0, end < 0 ? undefined : end), ["to"]);
    const owner = list.find(({ name }) => isOwner(name, cast));
    const roles = list.map(({ name }) => decoded(nameFor(name, cast)));
    return pass(owner === undefined ? text : replace(text, owner, quoted(cast.owner)), roles);
}

/** What is made in a new schema can only be given to roles that may create in it. */
function schema(text: Buffer, cast: Cast): Direction {
    const name = tokensOf(text).at(-2);
    const grant =
        name?.name === undefined ? undefined : `GRANT CREATE ON SCHEMA ${utf8(name.text)} TO ${quoted(cast.load)};`;
    return pass(text, [], [], grant);
}

/** A dump acts as another role where that one has granted something on; the stand-in may only do so as a member. */
function authorization(text: Buffer, cast: Cast): Direction {
    const role = tokensOf(text).at(-2);
    if (role?.name === undefined || role.name === "default") {
        return pass(Buffer.from("RESET ROLE;"));
    }
    if (isOwner(role.name, cast)) {
        return pass(Buffer.from("RESET ROLE;"));
    }
    const name = decoded(role.name);
    return pass(Buffer.from(`SET ROLE ${quoted(name)};`), [name], [name]);
}

/** The roles of a list that follows the last of the given keywords; PUBLIC and its like are no roles. */
function rolesAfter(tokens: Token[], keywords: string[]): (Token & { name: string })[] {
    const from = Math.max(
        ...keywords.map((keyword) => tokens.map(({ text }) => text.toLowerCase()).lastIndexOf(keyword)),
    );
    const list: (Token & { name: string })[] = [];
    for (let at = from + 1; from >= 0 && at < tokens.length; at += 2) {
        const { name, ...token } = tokens[at] ?? { text: "", at: 0 };
        if (name !== undefined && !/^(public|current_user|current_role|session_user)$/i.test(token.text)) {
            list.push({ ...token, name });
        }
        if (tokens[at + 1]?.text !== ",") {
            break;
        }
    }
    return list;
}

/** Cuts a statement into tokens. Bytes count as characters, so that no encoding can be got wrong. */
function tokensOf(text: Buffer): Token[] {
    const pattern =
        /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|("(?:[^"]|"")*")|E'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|(\$(?:[A-Z_\x80-\xff]\w*)?\$)[\s\S]*?\2|([A-Z_\x80-\xff][\w$\x80-\xff]*)|\d+|[\s\S]/gi;
    const tokens: Token[] = [];
    for (const match of text.toString("latin1").matchAll(pattern)) {
        const [whole, name, , word] = match;
        if (!/^(\s|--|\/\*)/.test(whole)) {
            const read = name === undefined ? folded(word) : name.slice(1, -1).replaceAll('""', '"');
            tokens.push({ text: whole, at: match.index, ...(read !== undefined && { name: read }) });
        }
    }
    return tokens;
}

/** PostgreSQL folds letters of ASCII; the bytes of others would turn into those of still others. */
function folded(word: string | undefined): string | undefined {
    return word?.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function replace(text: Buffer, token: Token, by: string): Buffer {
    return Buffer.concat([text.subarray(0, token.at), Buffer.from(by), text.subarray(token.at + token.text.length)]);
}

function isOwner(name: string, { owner, aliases }: Cast): boolean {
    if (name === owner && !aliases.includes(name)) {
        throw new Error(
            `It names role ${owner}, which is not the database's owner in production: set another database.owner (or in ` +
                "database.others), as the rights of both would become one role's",
        );
    }
    return aliases.includes(name);
}

function nameFor(name: string, cast: Cast): string {
    return isOwner(name, cast) ? cast.owner : name;
}

function utf8(bytes: string): string {
    return Buffer.from(bytes, "latin1").toString();
}

function decoded(name: string): string {
    return utf8(name);
}

function quoted(name: string): string {
    return `"${name.replaceAll('"', '""')}"`;
}

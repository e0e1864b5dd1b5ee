import { parseArgs } from "node:util";

/** What a command is for, and what it takes besides the stack's name. */
interface Command {
    takes: readonly string[];
    flags: readonly Flag[];
    help: string;
    /** It is about every stack of the folder, and takes no name. */
    everyStack?: true;
}

const commands = {
    preview: {
        takes: [],
        flags: ["diff", "json", "format"],
        help: "show what an up would do, or FORMAT markdown: as a pull request's comment; changes nothing",
    },
    up: { takes: [], flags: ["json"], help: "make the replica what its stack file says" },
    refresh: {
        takes: [],
        flags: ["database-only", "media-only", "to", "if-newer", "json"],
        help: "write the newest backup's stamp, or STAMP, into the stack file, then up; or nothing unless it is newer than what is loaded",
    },
    rollback: { takes: [], flags: ["json"], help: "write the former copies' settings into the stack file, then up" },
    deploy: { takes: ["TAG"], flags: ["json"], help: "write the image tag into the stack file, then up" },
    wipe: {
        takes: [],
        flags: ["remove-media-volume", "keep-database-volume", "yes", "json"],
        help: "remove the replica; volumes as its stack file says, or as the flags do",
    },
    announce: {
        takes: [],
        flags: ["reason", "in"],
        help: "tell those who use the replica of its next refresh, SPAN from now or after announce.notice",
    },
    drill: {
        takes: [],
        flags: ["json"],
        help: "make a replica where none stands, prove it, wipe it again with its volumes, and keep in drills/ how long that took",
    },
    extend: {
        takes: ["UNTIL"],
        flags: ["reason", "json"],
        help: "let the replica be used until a day such as 2026-12-01, or for a time span such as 7d, and wake it if it is suspended",
    },
    ttl: {
        takes: [],
        flags: ["all"],
        help: "flag a replica that has expired, and suspend or wipe it, as lifecycle says, when its notice has passed",
    },
    bundle: {
        takes: ["FOLDER"],
        flags: ["unmasked"],
        help: "make a folder of what is live on hosts, which developers start on machines of their own",
    },
    marker: { takes: [], flags: [], help: "print the SQL that marks a server as the stack's" },
    "mask suggest": {
        takes: [],
        flags: [],
        help: "print a masking file that proposes a rule for each column that has none; shows no values",
    },
    backups: { takes: [], flags: ["json"], help: "list the backups in production's store" },
    rewrites: { takes: [], flags: ["json"], help: "count what identity.rewrite would change in the copy that is live" },
    page: {
        takes: ["FOLDER"],
        flags: [],
        help: "write a page into a folder that tells how all replicas are, and the same figures for Prometheus",
        everyStack: true,
    },
    status: {
        takes: [],
        flags: ["access", "all", "json"],
        help: "what the replica holds, how old it is, and what is newer; or who can read it and not production; or all stacks, a line for each",
    },
} as const satisfies Record<string, Command>;

const flags = {
    diff: { type: "boolean" },
    format: { type: "string" },
    "database-only": { type: "boolean" },
    "media-only": { type: "boolean" },
    to: { type: "string" },
    "if-newer": { type: "boolean" },
    reason: { type: "string" },
    in: { type: "string" },
    unmasked: { type: "string" },
    access: { type: "boolean" },
    all: { type: "boolean" },
    "remove-media-volume": { type: "boolean" },
    "keep-database-volume": { type: "boolean" },
    yes: { type: "boolean" },
    json: { type: "boolean" },
} as const;

type Flag = keyof typeof flags;

/** What a flag is followed by, where that is anything. */
const values: Partial<Record<Flag, [string]>> = {
    format: ["FORMAT"],
    to: ["STAMP"],
    reason: ["TEXT"],
    in: ["SPAN"],
    unmasked: ["REASON"],
};

export type CommandName = keyof typeof commands;

/** A command line that makes sense. */
export interface CommandLine {
    command: CommandName;
    /** Empty where it is about all of them. */
    stack: string;
    /** What the command takes besides: a tag. */
    argument?: string;
    flags: { [F in Flag]?: (typeof flags)[F]["type"] extends "string" ? string : boolean };
}

/**
 * Reads a command line.
 *
 * @throws Error whose message is what was wrong and how it is used
 */
export function readArguments(args: string[]): CommandLine {
    const { values: given, positionals } = parsed(args);
    const [name, [stack, argument, ...more]] = named(positionals);
    if (!(name in commands)) {
        throw new Error(name === "" ? usage() : `There is no command ${name}.\n${usage()}`);
    }
    const command = name as CommandName;
    const { takes, flags: known, everyStack }: Command = commands[command];
    const strange = Object.keys(given).filter((flag) => !known.some((one) => one === flag));
    if (strange.length > 0) {
        throw new Error(`${command} does not know --${strange.join(", --")}.\n${usage()}`);
    }
    if (given.all === true) {
        if (stack !== undefined || given.access === true) {
            throw new Error(`Write understudy ${command} --all, which is about every stack, or name one.\n${usage()}`);
        }
        return { command, stack: "", flags: given };
    }
    if (everyStack) {
        if (stack === undefined || argument !== undefined) {
            throw new Error(`Write understudy ${command} ${takes.join(" ")}, which is about every stack.\n${usage()}`);
        }
        return { command, stack: "", argument: stack, flags: given };
    }
    if (stack === undefined || more.length > 0 || (argument === undefined) !== (takes.length === 0)) {
        throw new Error(`Write understudy ${command} <stack>${takes.map((one) => ` ${one}`).join("")}.\n${usage()}`);
    }
    const objection = objectionTo(given);
    if (objection !== undefined) {
        throw new Error(objection);
    }
    return { command, stack, flags: given, ...(argument !== undefined && { argument }) };
}

/** What flags cannot mean together. */
function objectionTo(given: CommandLine["flags"]): string | undefined {
    if (given["database-only"] === true && given["media-only"] === true) {
        return "--database-only and --media-only leave nothing to refresh: write one of them, or neither.";
    }
    if (given["if-newer"] === true && (given["media-only"] === true || given.to !== undefined)) {
        return "--if-newer compares the newest backup with what is loaded: leave out --media-only and --to.";
    }
    if (given.format !== undefined && given.format !== "markdown") {
        return `--format is "${given.format}": write markdown, or leave it out.`;
    }
    if (given.format !== undefined && (given.json === true || given.diff === true)) {
        return "--format markdown is a comment: leave out --json and --diff.";
    }
    return undefined;
}

/** A command's name has one word, or two. */
function named([first = "", ...rest]: string[]): [string, string[]] {
    const [second, ...more] = rest;
    const both = `${first} ${second}`;
    return both in commands ? [both, more] : [first, rest];
}

function parsed(args: string[]) {
    try {
        return parseArgs({ args, options: flags, allowPositionals: true });
    } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}\n${usage()}`);
    }
}

function usage(): string {
    const lines = Object.entries<Command>(commands).map(([name, { takes, flags: known, help, everyStack }]) => {
        const options = known
            .filter((flag) => flag !== "all")
            .map((flag) => ` [--${[flag, ...(values[flag] ?? [])].join(" ")}]`)
            .join("");
        const which = known.some((flag) => flag === "all") ? ["<stack> | --all"] : everyStack ? [] : ["<stack>"];
        return `  understudy ${[name, ...which, ...takes].join(" ")}${options}\n      ${help}`;
    });
    return ["usage:", ...lines].join("\n");
}

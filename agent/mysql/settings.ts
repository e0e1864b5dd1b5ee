import { DumpError } from "../backup/piece";
import { plainOf } from "./plain";

/** What `SET NAMES` sets. */
const characterSets = ["character_set_client", "character_set_results", "character_set_connection"];

/** Settings of a session that a dump may change: those that say how its text is to be read. */
const readers = new Set([...characterSets, "collation_connection", "time_zone", "sql_mode"]);

/** Settings that a dump changes to be loaded faster or more quietly, which is the agent's to say. */
const others = new Set([
    "autocommit",
    "foreign_key_checks",
    "innodb_strict_mode",
    "note_verbosity",
    "sql_log_bin",
    "sql_notes",
    "sql_quote_show_create",
    "unique_checks",
]);

/** Production's place in its own replication. */
const positions = new Set(["gtid_purged", "gtid_slave_pos"]);

const name = String.raw`(@?@?)(?:(global|session|local)[. ]\s*)?([A-Za-z_]\w*)`;
const assignment = new RegExp(String.raw`^(?:@@)?${name}\s*:?=\s*([\s\S]+)$`, "i");
const character = /^(?:names|character set)\s+'?(\w+)'?(?:\s+collate\s+'?(\w+)'?)?$/i;
const value = /^(?:'[^'\\]*'|"[^"\\]*"|[\w+:.-]+)$/;

/**
 * What a dump has set for its session by now. Its statements reach the server over several connections, each of which
 * gets the settings that its statement is written under.
 */
export class Settings {
    private readonly values: Map<string, string>;
    /** What was set when a dump has put it aside, by the name that it gave it. */
    private readonly aside = new Map<string, string | undefined>();

    constructor() {
        // A dump that names no character set has the usual one.
        this.values = new Map(characterSets.map((setting) => [setting, "utf8mb4"]));
    }

    /**
     * Follows a statement that sets something.
     *
     * @returns why something of it was left out, if anything worth a word was
     * @throws {DumpError} when it sets what no dump has to
     */
    follow(statement: string): string | undefined {
        let reason: string | undefined;
        for (const one of itemsOf(plainOf(statement).replace(/^set\s+/i, ""))) {
            reason = this.followOne(one) ?? reason;
        }
        return reason;
    }

    /** The statement that sets all of it. */
    get statement(): string {
        const all = [...this.values].map(([setting, value]) => `${setting} = ${value}`);
        return `set ${all.join(", ")}`;
    }

    private followOne(text: string): string | undefined {
        const [, charset, collation] = character.exec(text) ?? [];
        if (charset !== undefined) {
            for (const setting of characterSets) {
                this.set(setting, charset);
            }
            this.values.delete("collation_connection");
            if (collation !== undefined) {
                this.set("collation_connection", collation);
            }
            return undefined;
        }
        const [, at = "", scope = "", variable = "", given = ""] = assignment.exec(text) ?? [];
        const setting = variable.toLowerCase();
        if (setting === "") {
            throw new DumpError(`sets what is not understood (${text.slice(0, 60)})`);
        }
        if (positions.has(setting)) {
            return "production's place in its replication, which is no copy's";
        }
        if (scope.toLowerCase() === "global") {
            throw new DumpError(`sets ${setting} for the whole server, which no dump of a database has to`);
        }
        if (at === "@" && scope === "") {
            this.remember(setting, given.trim());
        } else if (readers.has(setting)) {
            this.set(setting, given.trim());
        } else if (!others.has(setting)) {
            throw new DumpError(`sets ${setting}, which mysqldump never does`);
        }
        return undefined;
    }

    private remember(variable: string, given: string): void {
        const [, setting] = /^@@(?:session\.)?(\w+)$/i.exec(given) ?? [];
        this.aside.set(variable, setting && this.values.get(setting.toLowerCase()));
    }

    private set(setting: string, given: string): void {
        const [, variable] = /^@(\w+)$/.exec(given) ?? [];
        const found = variable === undefined ? given : (this.aside.get(variable.toLowerCase()) ?? "default");
        if (!value.test(found)) {
            throw new DumpError(`sets ${setting} to what is no value`);
        }
        // Last, as what sets the character set of a connection sets its collation as well.
        this.values.delete(setting);
        this.values.set(setting, found);
    }
}

/** Parts between commas outside of quotes. */
function itemsOf(text: string): string[] {
    const items = text.match(/(?:'[^']*'|"[^"]*"|[^,'"])+/g) ?? [];
    return items.map((item) => item.trim()).filter((item) => item !== "");
}

import { type DatabasePlan, inProduction, type ReplicaDatabase, serversOwn } from "../../contract";
import { Refusal } from "../refusal";
import { plural } from "../report";
import { nameSetting } from "./catalogue";
import { brokenOff, commandName, Frame, isRestriction } from "./frame";
import { dumpTitle, dumpTrailer, serverTrailer } from "./header";
import { DumpError, type Statement } from "./piece";

/**
 * The frame of a dump of a whole server: roles and tablespaces, then a part for each database. A part is a dump of that
 * database, with a command before its content that connects to it.
 */
export class ServerFrame extends Frame {
    /** Whether a part has begun; its database is known once it is connected to, which may come first. */
    private begun = false;
    private part: string | undefined;
    /** Databases whose parts have ended. */
    private readonly databases: string[] = [];
    private complete = false;
    private roles = 0;
    private passwords = 0;
    private tablespaces = 0;

    /**
     * @param database the one whose part is taken, as it is called in production
     * @param file the backup's name, for a refusal
     * @param wanted what the plan says of the databases that are taken out of the same dump
     */
    constructor(
        private readonly database: string,
        private readonly file: string,
        private readonly wanted: Pick<DatabasePlan, "databases" | "expectedCount">,
    ) {
        super();
    }

    end(): void {
        if (!this.complete) {
            throw new DumpError(brokenOff(serverTrailer));
        }
        const held = this.databases.filter((name) => !serversOwn.includes(name));
        const { expectedCount } = this.wanted;
        if (expectedCount !== undefined && held.length !== expectedCount) {
            throw new Refusal(
                `The backup ${this.file} holds ${plural(held.length, "database")} (${held.join(", ") || "none"}), and ` +
                    `${expectedCount} ${expectedCount === 1 ? "was" : "were"} expected: look whether all of production's ` +
                    "server is backed up, or correct database.expectedCount.",
            );
        }
        if (!this.databases.includes(this.database)) {
            const at = this.wanted.databases.findIndex((one) => inProduction(one).name === this.database);
            const setting = nameSetting(this.wanted.databases[at] as ReplicaDatabase, at);
            throw new Refusal(
                `The backup ${this.file} holds no database ${this.database}: ` +
                    (held.length === 0
                        ? "it holds none but template1 and postgres, so look which server is backed up."
                        : `set ${setting} to one that it holds, which are ${held.join(", ")}.`),
            );
        }
    }

    leftOut(): string[] {
        const taken = this.wanted.databases.map((one) => inProduction(one).name);
        const others = this.databases.filter((name) => !taken.includes(name));
        const counts: [number, string][] = [
            [others.length, `${plural(others.length, "other database")} (${others.join(", ")})`],
            [this.roles, `the definitions of ${plural(this.roles, "role")}`],
            [this.passwords, `the passwords of ${this.passwords} of them`],
            [this.tablespaces, plural(this.tablespaces, "tablespace")],
        ];
        return counts.filter(([count]) => count > 0).map(([, text]) => text);
    }

    protected isOurs(): boolean {
        return this.part === this.database;
    }

    protected statement(statement: Statement): void {
        this.refuseMore();
        this.count(statement);
    }

    protected comment(text: string): void {
        if (text === "") {
            return;
        }
        this.refuseMore();
        if (text === dumpTitle) {
            this.refuseOpen();
            this.begun = true;
        } else if (text === dumpTrailer) {
            this.close();
        } else if (text === serverTrailer) {
            this.refuseOpen();
            this.complete = true;
        }
    }

    protected command(text: string): void {
        const name = commandName(text);
        if (name === "\\connect") {
            this.connect(text);
        } else if (!isRestriction(name) && !(name === "\\encoding" && this.part !== this.database)) {
            throw new DumpError(`holds the psql command ${name}, which pg_dumpall never writes there`);
        }
    }

    private connect(text: string): void {
        this.refuseMore();
        const name = connectedDatabase(text);
        if (name === undefined) {
            throw new DumpError("holds a \\connect command that pg_dumpall never writes");
        }
        if (this.part !== undefined && this.part !== name) {
            throw new DumpError(`goes over to database ${name} before the end of database ${this.part}`);
        }
        if (this.databases.includes(name)) {
            throw new DumpError(`holds database ${name} twice`);
        }
        this.part = name;
    }

    private close(): void {
        if (!this.begun || this.part === undefined) {
            throw new DumpError(`holds the line "${dumpTrailer}" where no database ends`);
        }
        this.databases.push(this.part);
        this.begun = false;
        this.part = undefined;
    }

    /** Counts what is left out outside of the parts; nothing of a password is kept. */
    private count({ text, words }: Statement): void {
        if (this.part !== undefined) {
            return;
        }
        const beginning = words.slice(0, 2).join(" ");
        this.roles += beginning === "create role" ? 1 : 0;
        this.tablespaces += beginning === "create tablespace" ? 1 : 0;
        this.passwords += beginning === "alter role" && setsPassword.test(text.toString("latin1")) ? 1 : 0;
    }

    private refuseOpen(): void {
        if (this.begun) {
            throw new DumpError(`ends database ${this.part ?? "(unnamed)"} without the line "${dumpTrailer}"`);
        }
    }

    private refuseMore(): void {
        if (this.complete) {
            throw new DumpError("goes on after its end");
        }
    }
}

/** The end of a statement that gives a role its password. */
const setsPassword = / PASSWORD '[^']*'(?: VALID UNTIL '[^']*')?;$/;

/**
 * Name of the database that a command connects to, if it is as pg_dump writes it: names of letters and digits as they
 * are or in quotes, others in a quoted connection string.
 */
export function connectedDatabase(command: string): string | undefined {
    const [, connection, quoted, plain] =
        /^\\connect (-reuse-previous=on )?(?:"((?:[^"]|"")*)"|([^\s"']+))$/.exec(command) ?? [];
    const argument = plain ?? quoted?.replaceAll('""', '"') ?? "";
    const [, value] = /^dbname='((?:[^'\\]|\\.)*)'$/.exec(argument) ?? [];
    const name = connection === undefined ? argument : value?.replaceAll(/\\(.)/g, "$1");
    return name ? Buffer.from(name, "latin1").toString() : undefined;
}

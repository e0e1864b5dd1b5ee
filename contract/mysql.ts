/** What crosses to the agent where the replica's database is MySQL or MariaDB. */
import * as z from "zod";
import { type GenerationState, generationIdText, type MediaPlan, type Plan, planSchema } from "../contract";

/** A name that still fits 64 characters when `__<generation>` is appended. */
const databaseName = z.string().regex(/^[a-z_][a-z0-9_]{0,45}$/);

/** One of the databases that a replica holds. */
const mysqlDatabase = z.strictObject({
    /** Live name on the target server. */
    name: databaseName,
    /** What it is called in production, where that is not the same. */
    production: z.string().optional(),
});
export type MysqlDatabase = z.infer<typeof mysqlDatabase>;

/** Name that a database has in production. */
export function nameInProduction({ name, production }: MysqlDatabase): string {
    return production ?? name;
}

/** The account of whoever makes databases and accounts. */
const account = {
    user: z.string(),
    /** File with its password, nothing else in it; the server asks for none if left out. */
    passwordFile: z.string().optional(),
};

/** Where a server is, and who comes to it. */
export const mysqlServer = z.union([
    z.strictObject({ host: z.string(), port: z.number().int(), ...account }),
    /** On the agent's own machine. */
    z.strictObject({ socket: z.string(), ...account }),
]);

const { backup, maximumAge, keepGenerations, rules, capacity, backups, jobs } = planSchema.shape.database.shape;

/** What the agent has to know to make the database's generation. */
const mysqlDatabasePlan = z.strictObject({
    engine: z.literal("mysql"),
    generation: generationIdText,
    /** What a generation is made of, the application's database first: proven, switched and retired together. */
    databases: z.tuple([mysqlDatabase], mysqlDatabase),
    backup,
    maximumAge,
    keepGenerations,
    rules,
    capacity,
    /** Where the copies stand, and an account there that may make databases and accounts. */
    server: mysqlServer,
    /** The account that the application logs in with. It has rights on the live databases and on nothing else. */
    login: z.strictObject({
        user: z
            .string()
            .min(1)
            .max(32)
            .regex(/^[\w.-]+$/),
        passwordFile: z.string(),
    }),
    backups,
    jobs,
});
export type MysqlDatabasePlan = z.infer<typeof mysqlDatabasePlan>;

/** The plan of a replica whose database is MySQL or MariaDB. */
export const mysqlPlanSchema = planSchema.extend({
    source: z.strictObject({
        /** What production's server calls itself: `select @@server_uid` in MariaDB, `select @@server_uuid` in MySQL. */
        serverId: z.string().optional(),
    }),
    database: mysqlDatabasePlan,
});
export type MysqlPlan = z.infer<typeof mysqlPlanSchema>;

/** The plan of a replica, whichever engine its database has. */
export type ReplicaPlan = Plan | MysqlPlan;

export function isMysql(plan: ReplicaPlan): plan is MysqlPlan {
    return "engine" in plan.database;
}

/** The plan of a replica that has copies of the media. */
export type MysqlCopyPlan = MysqlPlan & { media: MediaPlan };

const states: GenerationState[] = ["preparing", "proven", "live", "former"];

/** A text as a literal, whatever the server's way with backslashes. */
function literal(text: string): string {
    return `convert(x'${Buffer.from(text).toString("hex")}' using utf8mb4)`;
}

/**
 * SQL that marks a server as the replica of a stack, beside those of others that it may carry already: run when the
 * replica's own server is first made, or by whoever brings one. The agent refuses every server without it.
 *
 * @param stack `<project>/<stack>`
 */
export function mysqlMarkerSql(stack: string): string {
    return `-- Marks this server as a replica, whose databases come and go. Never run it on production's server.
create database if not exists understudy character set utf8mb4 collate utf8mb4_bin;
create table if not exists understudy.replica (
    stack varchar(190) not null primary key,
    created timestamp(3) not null default current_timestamp(3)
) engine = InnoDB;
create table if not exists understudy.generation (
    id char(10) not null,
    name varchar(64) not null,
    stack varchar(190) not null,
    position int not null,
    state enum (${states.map((state) => `'${state}'`).join(", ")}) not null,
    report longtext,
    created timestamp(3) not null default current_timestamp(3),
    switched timestamp(3) null default null,
    away_ms int,
    hooks longtext,
    primary key (id, name),
    foreign key (stack) references understudy.replica (stack)
) engine = InnoDB;
create table if not exists understudy.switching (
    stack varchar(190) not null primary key,
    content longtext not null,
    created timestamp(3) not null default current_timestamp(3)
) engine = InnoDB;
create table if not exists understudy.account (
    name varchar(190) not null primary key,
    stack varchar(190) not null
) engine = InnoDB;
insert ignore into understudy.replica (stack) values (${literal(stack)});
`;
}

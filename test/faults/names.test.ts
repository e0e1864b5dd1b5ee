import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { escapeIdentifier as quoted } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aside, stampBefore } from "../postgres/replica";
import { sweep } from "../sweep";
import { type FaultStage, openFaultStage } from "./stage";

/** Names that are text to whoever is careless: production may use all of them. */
let stage: FaultStage;
const names = [
    `it's "quoted"`,
    "two\nlines",
    "--clean",
    "-rf",
    "n".repeat(63),
    "ünï ☃ 名",
    "\\! touch /tmp/understudy-faults-names",
    "; drop database shop; --",
    "$$ /* ",
    " ",
    "a\tb\\c",
];

beforeAll(async () => {
    stage = await openFaultStage();
    const { query } = stage.production;
    await query("postgres", "create database odd owner shop");
    for (const name of names) {
        const id = quoted(name);
        await query("postgres", `create role ${id}`);
        await query(
            "odd",
            `create schema ${id} authorization shop;
             create table ${id}.${id} (${id} text primary key, number serial);
             insert into ${id}.${id} values ('one'), ('two'), ('\\.');
             create sequence ${id}.${quoted(`${name.slice(0, 40)}s`)} start 5;
             create view ${id}.${quoted(`${name.slice(0, 40)}v`)} as select * from ${id}.${id};
             create index ${quoted(`${name.slice(0, 40)}i`)} on ${id}.${id} (number);
             grant select on ${id}.${id} to ${id};
             alter table ${id}.${id} owner to shop;`,
        );
    }
});
afterAll(() => stage?.stop());

sweep([
    ["plain", ".sql"],
    ["custom", ".dump"],
    ["directory", ""],
    ["tar", ".tar"],
])("odd names of schemas, tables, columns, sequences and roles come through a %s dump", async (format, ending) => {
    const stamp = stampBefore(200);
    const plan = stage.next(({ database }) => {
        database.backups = join(stage.replica.folder, "odd");
        database.backup = stamp;
    });
    const hourly = join(stage.replica.folder, "odd/hourly");
    const path = join(hourly, `backup-${stamp}-shop${ending}`);
    mkdirSync(hourly, { recursive: true });
    await stage.production.tool("pg_dump", [`--format=${format}`, `--file=${path}`, "odd"]);
    const ended = await stage.attempt("prepare-database", plan);
    rmSync(path, { recursive: true });
    expect(ended, ended.log).toMatchObject({ status: 0 });
    const dumped = async (tool: typeof stage.production.tool, database: string) =>
        (await tool("pg_dump", ["--no-owner", database])).toString().replaceAll(/^\\(un)?restrict .*$/gm, "");
    expect(await dumped(stage.replica.server.tool, aside(plan.database.generation))).toBe(
        await dumped(stage.production.tool, "odd"),
    );
    await stage.converged(stage.next());
});

test("odd names in the store are no backups of this database, and nobody's commands", async () => {
    const hourly = join(stage.replica.folder, "store/hourly");
    const later = stampBefore(30);
    const odd = [
        "-rf",
        "--help",
        "two\nlines",
        "n".repeat(255),
        "☃",
        `backup-${later}-sh'op.sql.gz`,
        `backup-${later}-shop\n.sql.gz`,
    ];
    const held = [`backup-${later}-shop.sql.gz.part`, `.backup-${later}-shop.sql.gz`, `backup-${later}-shop.sql.gz\n`];
    for (const name of [...odd, ...held]) {
        writeFileSync(join(hourly, name), "");
    }
    const plan = stage.next();
    const ending = await stage.attempt("prepare-database", plan);
    expect(ending, ending.log).toMatchObject({ status: 0 });
    expect(ending.sentence).not.toContain(later);
    await stage.converged(plan);
});

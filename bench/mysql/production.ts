import type { MariaDb } from "../../dev/mariadb";

/** Share of its rows that is made; less than 1 only to try the bench itself. */
const share = 1;

/**
 * Makes the database that is measured: 1 GB of SQL, of which one table of events with three indexes is a third, and the rest
 * posts, accounts and forty small tables. Every value follows from its row's number, so that two runs make the same.
 */
export async function makeProduction({ query }: MariaDb): Promise<void> {
    await query(undefined, "create database shop character set utf8mb4");
    for (const statement of statements()) {
        await query("shop", statement);
    }
}

function* statements(): Generator<string> {
    const rows = (count: number) => `seq_1_to_${Math.round(count * share)}`;
    yield "create table vendor (id int primary key, name varchar(80) not null)";
    yield "insert into vendor select seq, concat('vendor ', md5(seq)) from seq_1_to_5000";
    yield `create table event (id bigint primary key, vendor int not null, at datetime not null, kind varchar(20) not null,
               payload json not null, note text not null, key (vendor), key (at), key (kind, at),
               foreign key (vendor) references vendor (id))`;
    yield `insert into event select seq, 1 + seq * 7919 % 5000, '2024-01-01' + interval seq * 17 second,
               elt(1 + seq % 5, 'view', 'order', 'refund', 'visit', 'message'),
               json_object('a', seq % 1000, 'tag', md5(seq % 977)),
               concat_ws(' ', md5(seq * 31), left(md5(seq * 7), 11), md5(seq * 3), md5(seq), left(md5(seq * 37), 20))
             from ${rows(1_500_000)}`;
    yield "create table account (id int primary key, branch int, balance int, filler char(84) not null, key (branch))";
    yield `insert into account select seq, 1 + (seq - 1) div 100000, seq % 7, md5(seq) from ${rows(3_000_000)}`;
    yield `create table post (id int primary key auto_increment, slug varchar(60) not null, vendor int not null,
               body mediumtext not null, unique key (slug), key (vendor), foreign key (vendor) references vendor (id))`;
    yield `insert into post select seq, md5(seq), 1 + seq % 5000, repeat(concat('it''s ', md5(seq), '\\n'), 12) from ${rows(800_000)}`;
    for (let table = 0; table < 40; table++) {
        yield `create table small_${table} (id int primary key, vendor int not null, text varchar(60), key (vendor))`;
        yield `insert into small_${table} select seq, 1 + seq % 5000, md5(seq + ${table}) from ${rows(20_000)}`;
    }
}

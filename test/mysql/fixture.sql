set names utf8mb4;
create table vendor (
    id int not null auto_increment primary key,
    name varchar(80) not null,
    motto text,
    unique key name (name)
) engine = InnoDB default charset = utf8mb4;
insert into vendor values (1, 'Käthe & Söhne 🦊', 'it''s \\ "good"; -- really'), (2, 'b`c', null), (7, 'c', '/* no comment */');
create table item (
    id bigint not null primary key,
    vendor int,
    parent bigint,
    price decimal(12, 4) not null default 0,
    doubled decimal(14, 4) as (price * 2) stored,
    made datetime(3),
    seen timestamp null default null,
    kind enum ('a', 'b''s') not null default 'a',
    picture mediumblob,
    words text,
    details json,
    key vendor (vendor),
    key made (made, kind),
    fulltext key words (words),
    constraint of_vendor foreign key (vendor) references vendor (id) on delete cascade,
    constraint of_parent foreign key (parent) references item (id)
) engine = InnoDB default charset = utf8mb4;
insert into item (id, vendor, parent, price, made, seen, kind, picture, words, details)
    select seq, elt(1 + seq % 3, 1, 2, 7), if(seq > 10, seq - 10, null), seq / 7, '2026-01-01' + interval seq minute,
           '2026-02-01 10:00:00', elt(1 + seq % 2, 'a', 'b''s'), unhex(sha2(seq, 256)), concat('wörter 🦊 ', md5(seq), '\n;\'"'),
           json_object('n', seq, 'text', concat('ü', seq))
      from seq_1_to_5000;
create table old (code char(3) not null, text varchar(200)) engine = MyISAM default charset = latin1;
insert into old values ('a', 'größe'), ('b', null);
create table parts (id int not null, year int not null, primary key (id, year)) engine = InnoDB
    partition by range (year) (partition p1 values less than (2020), partition p2 values less than maxvalue);
insert into parts values (1, 2019), (2, 2026);
create table empty_one (id int not null primary key) engine = InnoDB;
create sequence number start with 5;
create view offered as select item.id, vendor.name from item join vendor on vendor.id = item.vendor;

create table log (text varchar(200)) engine = InnoDB;
delimiter //
create function plus_one(n int) returns int deterministic return n + 1//
create procedure tidy(in least int) begin delete from log where length(text) < least; end//
create view cheap as select offered.id from offered where plus_one(0) = 1//
create trigger noted after insert on vendor for each row begin insert into log values (concat('made ', new.name, ';')); end//
create event sweep on schedule every 1 second do begin insert into log values ('swept'); end//
delimiter ;

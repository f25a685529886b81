// SPDX-License-Identifier: Apache-2.0 OR MIT

//! sqlite3, built from its distribution's source package: a database of 100,000 rows.

use seed_tests::case::Case;
use seed_tests::program::Program::{Busybox, Packaged};

const FILL: &[u8] = b"
create table words (id integer primary key, word text, value real, part integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
insert into words select i, 'word ' || (i * 7919 % 100003), i / 7.0, i % 97 from n;
create index by_word on words (word);
";

const QUERY: &[u8] = b"
select count(*), sum(id), max(word) from words;
select part, count(*), printf('%.6f', avg(value)) from words group by part having part < 5;
select * from words where word = 'word 4242';
begin; update words set value = value * 2 where part = 3; delete from words where part = 4; rollback;
begin; delete from words where part = 5; commit;
select count(*), count(distinct part) from words;
select a.id, b.id from words a join words b on a.id = b.part + 50000 where b.id between 7 and 9;
pragma integrity_check;
";

/// The second program opens what the first one left.
#[test]
fn a_database_of_a_hundred_thousand_rows() {
    let script = b"export HOME=/\n\
                   in/sqlite3 -batch out/words.db <in/fill &&\n\
                   in/sqlite3 -batch out/words.db <in/query\n";
    Case::new(Busybox)
        .append("busybox sh in/script")
        .program("in/sqlite3", Packaged("sqlite3", "sqlite3"))
        .file("in/script", script)
        .file("in/fill", FILL)
        .file("in/query", QUERY)
        .disk(16 << 20)
        .packed_once()
        .limit(180)
        .same_on_host()
        .run();
}

//! Somebody else holds the database's locks.

use std::thread;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

use crate::answer::Answer;
use crate::caller::{Caller, text};
use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::sql;
use crate::wait::until;

/// So many that they can't all wait for a lock one after the other.
const WRITERS: usize = 12;

///
#[test]
fn a_locked_sqlite_file_refuses_writes_in_bounded_time_lets_reads_go_on_and_heals() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database).start();
    let caller = server.caller();
    let token = text(&caller.registered("ada@example.org"), "access_token");
    let mut other = sql::sqlite(database.url.strip_prefix("sqlite://").unwrap());
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    for answer in write_at_once(caller, || {
        assert_eq!(caller.get_as(&token, "/users/me").unwrap().status, 200);
        assert_eq!(caller.get("/health/ready").unwrap().status, 200);
    }) {
        answer.assert_overloaded();
    }
    other.batch_execute("ROLLBACK").unwrap();
    until("writes work again", || caller.register("late@example.org").unwrap().status == 201);
    assert_eq!(sql::number(&database.url, "count(*) FROM users"), 2, "refused, and yet there");
}

///
#[test]
fn a_locked_postgres_table_refuses_requests_in_bounded_time_and_heals() {
    let Some(backend) = Backend::postgres() else { return };
    let database = TestDatabase::new(&backend);
    let server = Launch::on(&database).start();
    let caller = server.caller();
    let token = text(&caller.registered("ada@example.org"), "access_token");
    let mut other = PgConnection::establish(&database.url).unwrap();
    other.batch_execute("BEGIN; LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE").unwrap();
    for answer in write_at_once(caller, || {
        assert_eq!(caller.get("/health").unwrap().status, 200);
    }) {
        answer.assert_overloaded();
    }
    other.batch_execute("ROLLBACK").unwrap();
    until("requests are answered again", || caller.get_as(&token, "/users/me").unwrap().status == 200);
    until("writes work again", || caller.register("late@example.org").unwrap().status == 201);
}

/// The answers to many registrations, all of which wait while `meanwhile` happens.
fn write_at_once(caller: Caller, meanwhile: impl FnOnce()) -> Vec<Answer> {
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                scope.spawn(move || caller.register(&format!("user{number}@example.org")).expect("an answer"))
            })
            .collect();
        meanwhile();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

//! SQLite's file locked, and its disk full, slow, failing, and back (docs/operations.md).

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;

use crate::database::{Backend, TestDatabase};
use crate::process::Launch;
use crate::small_disk::SmallDisk;
use crate::sql;
use crate::surroundings::Surroundings;
use crate::tracer::Tracer;
use crate::wait::until;

/// What makes a write last.
const FLUSHES: &str = "fsync,fdatasync";

fn beside(url: &str) -> SqliteConnection {
    sql::sqlite(url.strip_prefix("sqlite://").unwrap())
}

fn wait_until_writes_work(world: &Surroundings) {
    until("writes work again", || world.caller().register(&world.newcomer()).unwrap().status == 201);
}

///
#[test]
fn a_locked_sqlite_file_is_503_for_all_that_writes() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let world = Surroundings::of(Launch::on(&database), &database.url);
    let given = world.prepare();
    let mut other = beside(&database.url);
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    world.assert_answers("SQLite locked", &given);
    other.batch_execute("ROLLBACK").unwrap();
    wait_until_writes_work(&world);
    world.assert_all_well("SQLite back");
}

/// X-14, W-16
#[test]
fn a_full_disk_is_503_for_all_that_writes() {
    let Some(disk) = SmallDisk::mount(8192) else { return };
    let url = format!("sqlite://{}/auth.db", disk.path().display());
    let world = Surroundings::of(Launch::at(&url, disk.path()), &url);
    let given = world.prepare();
    let ballast = disk.fill();
    // The journal fills what was left of its last block first.
    let mut other = beside(&url);
    let mut version = 0;
    until("not one page fits", || {
        version += 1;
        other.batch_execute(&format!("PRAGMA user_version = {version}")).is_err()
    });
    world.assert_answers("disk full", &given);
    ballast.remove();
    wait_until_writes_work(&world);
    world.assert_all_well("disk back");
}

/// each flush takes a tenth of a second.
#[test]
fn a_slow_disk_makes_writes_slow_and_nothing_else() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let world = Surroundings::of(Launch::on(&database), &database.url);
    let given = world.prepare();
    let Some(tracer) = Tracer::inject(&world.server, FLUSHES, "delay_enter=100000", "a slow disk") else { return };
    world.assert_answers("disk slow", &given);
    drop(tracer);
    world.assert_all_well("disk back");
}

/// what could not be flushed was not answered as done, and isn't there later.
#[test]
fn a_disk_that_fails_to_flush_is_503_for_all_that_writes() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let mut world = Surroundings::of(Launch::on(&database), &database.url);
    let given = world.prepare();
    let Some(tracer) = Tracer::inject(&world.server, FLUSHES, "error=EIO", "a failing disk") else { return };
    world.assert_answers("disk failing", &given);
    drop(tracer);
    wait_until_writes_work(&world);
    world.assert_all_well("disk back");
    let refused = format!("count(*) FROM users WHERE email = '{}'", given.newcomer);
    assert_eq!(sql::number(&database.url, &refused), 0, "refused, and yet there");
    world.server.kill();
    sql::check_integrity(&database.url);
}

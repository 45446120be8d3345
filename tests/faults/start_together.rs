//! Several processes start on one database, and starts that are cut short.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::seeded::{Seeded, rounds};
use crate::sql;

const STARTERS: usize = 8;

///
#[test]
fn eight_processes_started_at_once_on_an_empty_sqlite_database_agree_on_the_keys() {
    start_together(&Backend::Sqlite, &|launch| launch);
}

/// the development secret has to be made once, too.
#[test]
fn eight_processes_started_at_once_without_a_secret_agree_on_one() {
    start_together(&Backend::Sqlite, &|launch| launch.without("AUTH_SECRET"));
}

///
#[test]
fn eight_processes_started_at_once_on_an_empty_postgres_database_agree_on_the_keys() {
    if let Some(backend) = Backend::postgres() {
        start_together(&backend, &|launch| launch.set("AUTH_DATABASE_POOL", "2"));
    }
}

fn start_together(backend: &Backend, change: &dyn Fn(Launch) -> Launch) {
    for _ in 0..rounds(25).div_ceil(10) {
        let database = TestDatabase::new(backend);
        let launch = change(Launch::on(&database));
        let mut servers: Vec<Process> = (0..STARTERS).map(|_| launch.spawn()).collect();
        for server in &mut servers {
            server.wait_until_it_listens();
            assert_eq!(server.caller().get("/health/ready").unwrap().status, 200);
        }
        let keys: Vec<Value> = servers.iter().map(keys_of).collect();
        assert_eq!(keys[0]["keys"].as_array().unwrap().len(), 1);
        assert!(keys.iter().all(|other| *other == keys[0]), "{keys:#?}");
        check_all_accept_the_tokens_of_one(&servers);
    }
}

fn keys_of(server: &Process) -> Value {
    server.caller().get("/.well-known/jwks.json").unwrap().json()
}

fn check_all_accept_the_tokens_of_one(servers: &[Process]) {
    let tokens = servers[0].caller().registered("ada@example.org");
    for server in servers {
        let me = server.caller().get_as(tokens["access_token"].as_str().unwrap(), "/users/me").unwrap();
        let refreshed = server.caller().refresh(tokens["refresh_token"].as_str().unwrap()).unwrap();
        assert_eq!((me.status, refreshed.status), (200, 200), "{me:?} {refreshed:?}");
    }
}

/// the migration and the making of keys are cut short as well.
#[test]
fn a_start_that_is_killed_leaves_a_database_that_the_next_start_finishes_on_sqlite() {
    start_after_killed_starts(&Backend::Sqlite);
}

///
#[test]
fn a_start_that_is_killed_leaves_a_database_that_the_next_start_finishes_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        start_after_killed_starts(&backend);
    }
}

fn start_after_killed_starts(backend: &Backend) {
    let mut chance = Seeded::from_environment("killed starts");
    for _ in 0..rounds(25).div_ceil(5) {
        let database = TestDatabase::new(backend);
        for _ in 0..5 {
            let mut server = Launch::on(&database).spawn();
            thread::park_timeout(Duration::from_micros(chance.below(80_000)));
            server.kill();
        }
        let mut server = Launch::on(&database).start();
        server.caller().registered("ada@example.org");
        assert_eq!(keys_of(&server)["keys"].as_array().unwrap().len(), 1);
        server.kill();
        sql::check_integrity(&database.url);
    }
}

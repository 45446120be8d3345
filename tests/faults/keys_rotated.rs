//! Signing keys are rotated while clients refresh and use their tokens on two instances (REQ-15, X-28).

use crate::database::{Backend, TestDatabase};
use crate::load::{Balancer, Load};
use crate::process::{Launch, Process};
use crate::seeded::rounds;
use crate::wait::until;

const CLIENTS: usize = 6;

/// After each change.
const ANSWERS: usize = 300;

#[test]
fn no_request_fails_while_keys_are_rotated_on_two_instances_on_sqlite() {
    rotate_under_load(&Backend::Sqlite);
}

#[test]
fn no_request_fails_while_keys_are_rotated_on_two_instances_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        rotate_under_load(&backend);
    }
}

fn rotate_under_load(backend: &Backend) {
    let database = TestDatabase::new(backend);
    let launch = Launch::on(&database);
    let servers: Vec<Process> = (0..2).map(|_| launch.start()).collect();
    let balancer = Balancer::new(servers.iter().map(Process::caller));
    let load = Load::on(&balancer);
    let rotations = usize::try_from(rounds(25).div_ceil(6)).unwrap();
    let (answers, keys) = load.during(CLIENTS, || {
        load.go_on(ANSWERS);
        for _ in 0..rotations {
            let kid = rotate(&launch, &database);
            load.go_on(ANSWERS);
            let published = |server: &Process| {
                let keys = server.caller().get("/.well-known/jwks.json").expect("an answer").json();
                keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid.as_str())
            };
            until("every instance publishes the successor", || servers.iter().all(published));
            // As if the quarter of an hour were over: no instance has done anything for it, and each looks by itself.
            let now = database.now();
            database.execute(&format!("UPDATE signing_keys SET activates_at = {now} WHERE kid = '{kid}'"));
            load.until_signed_by(&kid);
            load.go_on(ANSWERS);
        }
    });
    println!("{answers} answers, {keys} keys");
    assert_eq!(keys, rotations + 1);
    assert_eq!(database.count("audit_events WHERE event = 'keys.rotated'"), i64::try_from(rotations).unwrap());
    assert_eq!(database.count("audit_events WHERE event = 'token.reused'"), 0);
}

/// Rotates by the command line: the new key's name.
fn rotate(launch: &Launch, database: &TestDatabase) -> String {
    let said = launch.command(&["keys", "rotate"]);
    assert!(said.starts_with("made the signing key "), "{said}");
    let kid = database.texts("kid", "signing_keys ORDER BY created_at DESC LIMIT 1").remove(0);
    assert!(said.contains(&kid), "{said}");
    kid
}

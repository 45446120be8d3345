//! Storms: far more log-ins than there are cores, and far more requests than a database that hangs will ever answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::answer::Answer;
use crate::caller::text;
use crate::cluster::Cluster;
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::proxy::{FaultProxy, Line};
use crate::slow_clients::allow_many_descriptors;
use crate::wait::until;

/// Each with a connection of its own.
const CLIENTS: usize = 1_000;

/// Threads that hash, and the memory that each keeps, in KiB.
const HASH_THREADS: u64 = 2;
const HASH_KIB: u64 = 19_456;

/// What connections, requests and the allocator's habits may cost beside that, in KiB. The hashes of all clients at once
/// would be a thousand times 19 MiB.
const REST_KIB: u64 = 96 * 1024;

/// Many requests at once, on threads with small stacks; `meanwhile` runs when all have begun.
fn crowd(request: impl Fn() -> Answer + Sync, meanwhile: impl Fn()) -> Vec<Answer> {
    allow_many_descriptors();
    let begun = AtomicUsize::new(0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    request()
                };
                thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, client).unwrap()
            })
            .collect();
        until("all have asked", || begun.load(Ordering::Relaxed) == CLIENTS);
        meanwhile();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// Fails if the server has grown by more than `kib`.
fn assert_grown_by_less(server: &Process, before: u64, kib: u64) {
    let after = server.peak_kib();
    assert!(after < before + kib, "the server has grown from {before} KiB to {after} KiB");
}

/// memory is bounded by the hash threads, who finds the queue full is told to come back, and who needs no hash
/// doesn't notice.
#[test]
fn a_storm_of_log_ins_costs_no_memory_and_holds_up_nobody_else() {
    let database = TestDatabase::new(&Backend::Sqlite);
    let server = Launch::on(&database)
        .set("AUTH_ARGON2_MEMORY_KIB", &HASH_KIB.to_string())
        .set("AUTH_ARGON2_ITERATIONS", "2")
        .set("AUTH_HASH_THREADS", &HASH_THREADS.to_string())
        .set("AUTH_HASH_QUEUE", "64")
        .set("AUTH_REVOCATION_MAX_AGE", "1m")
        .start();
    let caller = server.caller();
    let tokens = caller.registered("ada@example.org");
    let (access_token, refresh_token) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let before = server.peak_kib();
    let answers = crowd(
        || caller.log_in_with("ada@example.org", "not her password").expect("an answer"),
        || {
            assert_eq!(caller.get("/health").unwrap().status, 200);
            assert_eq!(caller.get("/health/ready").unwrap().status, 200);
            assert_eq!(caller.get_as(&access_token, "/auth/verify").unwrap().status, 204);
            assert_eq!(caller.get_as(&access_token, "/users/me").unwrap().status, 200);
            assert_eq!(caller.refresh(&refresh_token).unwrap().status, 200);
        },
    );
    let refused = answers.iter().filter(|answer| answer.status == 503).inspect(|answer| answer.assert_overloaded());
    let refused = refused.count();
    assert!(refused > 0, "everybody found a place in a queue of 64");
    assert!(answers.iter().all(|answer| matches!(answer.status, 401 | 503)), "{answers:?}");
    assert_grown_by_less(&server, before, HASH_THREADS * HASH_KIB + REST_KIB);
}

/// who waits for a database that hangs is answered, all of them are, and they cost next to nothing.
#[test]
fn a_crowd_at_a_database_that_hangs_is_answered_and_costs_no_memory() {
    let Some(cluster) = Cluster::start_new() else { return };
    let line = FaultProxy::to(cluster.address());
    let server = Launch::at(&Cluster::url_by(line.address()), cluster.folder()).start();
    let caller = server.caller();
    let token = text(&caller.registered("ada@example.org"), "access_token");
    let before = server.peak_kib();
    line.set(Line::Stall);
    let answers = crowd(
        || caller.get_as(&token, "/users/me").expect("an answer"),
        || assert_eq!(caller.get("/health").unwrap().status, 200),
    );
    answers.iter().for_each(Answer::assert_overloaded);
    assert_grown_by_less(&server, before, REST_KIB);
    line.set(Line::Pass);
    until("requests are answered again", || caller.get_as(&token, "/users/me").unwrap().status == 200);
}

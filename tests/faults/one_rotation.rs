//! Many presentations of one token are one refresh.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use crate::caller::{Caller, text};
use crate::database::{Backend, TestDatabase};
use crate::process::{Launch, Process};
use crate::sql;
use crate::wait::until_some;

const AT_ONCE: usize = 60;

///
#[test]
fn sixty_refreshes_at_once_are_one_rotation_on_sqlite() {
    rotate_once(&Backend::Sqlite, 1);
}

///
#[test]
fn sixty_refreshes_at_once_are_one_rotation_on_postgres() {
    if let Some(backend) = Backend::postgres() {
        rotate_once(&backend, 1);
    }
}

///
#[test]
fn sixty_refreshes_at_once_over_two_processes_are_one_rotation() {
    rotate_once(&Backend::Sqlite, 2);
    if let Some(backend) = Backend::postgres() {
        rotate_once(&backend, 2);
    }
}

fn rotate_once(backend: &Backend, processes: usize) {
    let database = TestDatabase::new(backend);
    let servers: Vec<_> = (0..processes).map(|_| Launch::on(&database).start()).collect();
    let callers: Vec<Caller> = servers.iter().map(Process::caller).collect();
    let mut token = text(&callers[0].registered("ada@example.org"), "refresh_token");
    for generation in 2..=6 {
        let successors = present_at_once(&callers, &token);
        assert_eq!(successors.len(), 1, "{successors:?}");
        assert!(!successors.contains(&token), "the token was not replaced");
        assert_eq!(sql::number(&database.url, "generation FROM sessions"), generation);
        token = successors.into_iter().next().unwrap();
        sql::age_rotations(&database.url);
    }
    assert_eq!(sql::number(&database.url, "count(*) FROM sessions WHERE revoked_at IS NULL"), 1);
    assert_eq!(sql::number(&database.url, "count(*) FROM audit_events WHERE event = 'token.reused'"), 0);
}

fn present_at_once(callers: &[Caller], token: &str) -> BTreeSet<String> {
    let barrier = Barrier::new(AT_ONCE);
    let present = |caller: Caller| {
        barrier.wait();
        // Whom the others' commits keep waiting for too long is told to come again.
        let answer =
            until_some("a refresh that isn't put off", || caller.refresh(token).filter(|answer| answer.status != 503));
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json(), "refresh_token")
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            callers.iter().cycle().take(AT_ONCE).map(|caller| scope.spawn(|| present(*caller))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

//! No space left for SQLite.

use crate::answer::Answer;
use crate::caller::{Caller, text};
use crate::process::Launch;
use crate::small_disk::SmallDisk;
use crate::sql;
use crate::wait::{until, until_some};

/// X-14, W-16
#[test]
fn a_full_disk_refuses_writes_lets_reads_go_on_and_heals_when_there_is_space_again() {
    let Some(disk) = SmallDisk::mount(4096) else { return };
    let url = format!("sqlite://{}/auth.db", disk.path().display());
    let mut server = Launch::at(&url, disk.path()).start();
    let caller = server.caller();
    let first = caller.registered("first@example.org");
    let mut answered = vec!["first@example.org".to_owned()];
    for round in 0..3 {
        let ballast = disk.fill();
        let refusal = register_until_refused(caller, &format!("full{round}"), &mut answered);
        refusal.assert_overloaded();
        check_what_a_full_disk_leaves(caller, &text(&first, "access_token"), &text(&first, "refresh_token"));
        ballast.remove();
        until("writes work again", || caller.register(&format!("healed{round}@example.org")).unwrap().status == 201);
        answered.push(format!("healed{round}@example.org"));
    }
    check_nothing_is_lost(caller, &answered, &url);
    server.kill();
    sql::check_integrity(&url);
    drop(server);
    let server = Launch::at(&url, disk.path()).start();
    check_nothing_is_lost(server.caller(), &answered, &url);
}

/// The journal fills what was left first.
fn register_until_refused(caller: Caller, name: &str, answered: &mut Vec<String>) -> Answer {
    let mut number = 0;
    until_some("the disk is full", || {
        let email = format!("{name}-{number}@example.org");
        number += 1;
        let answer = caller.register(&email).unwrap();
        if answer.status != 201 {
            return Some(answer);
        }
        answered.push(email);
        None
    })
}

fn check_what_a_full_disk_leaves(caller: Caller, access_token: &str, refresh_token: &str) {
    for _ in 0..20 {
        assert_eq!(caller.get_as(access_token, "/users/me").unwrap().status, 200);
        assert_eq!(caller.get_as(access_token, "/users/me/sessions").unwrap().status, 200);
        assert_eq!(caller.get_as(access_token, "/auth/verify").unwrap().status, 204);
        assert_eq!(caller.get("/health").unwrap().status, 200);
        caller.log_in("first@example.org").unwrap().assert_overloaded();
    }
    // Not a word about the session's end: the client keeps its token.
    let refreshed = caller.refresh(refresh_token).unwrap();
    assert!(matches!(refreshed.status, 200 | 503), "{refreshed:?}");
}

fn check_nothing_is_lost(caller: Caller, answered: &[String], url: &str) {
    for email in answered {
        assert_eq!(caller.log_in(email).unwrap().status, 200, "{email} was answered and is lost");
    }
    assert_eq!(
        sql::number(url, "count(*) FROM users"),
        i64::try_from(answered.len()).unwrap(),
        "refused, and yet there"
    );
}

//! When sessions end by themselves (REQ-11, R-11), and what a refresh does besides.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::RefreshError;

use crate::bed::records::{generation_of, unverified_claims};
use crate::bed::{Bed, GRACE, Held, block_on, on_both_databases};

on_both_databases! {
    an_idle_session_ends,
    refreshing_keeps_a_session_until_its_absolute_end,
    no_access_token_outlives_its_session,
    an_expired_session_is_no_longer_listed,
    what_is_no_token_of_ours_costs_no_look_at_the_database,
    a_token_of_another_session_s_salt_is_refused,
    a_token_ahead_of_the_row_is_no_theft,
    a_refresh_that_waited_too_long_changes_nothing,
    an_access_token_says_when_its_user_signed_in,
}

const DAY: Duration = Duration::from_hours(24);

fn code(result: Result<auth_service::Tokens, RefreshError>) -> ErrorCode {
    result.unwrap_err().code()
}

/// REQ-11, R-11: exactly after seven days without a refresh.
fn an_idle_session_ends(bed: &Bed) {
    let service = bed.service();
    let (kept, lost) = (service.register("ada@example.org"), service.register("bob@example.org"));
    bed.clock().advance((DAY * 7).saturating_sub(Duration::from_micros(1)));
    let kept = service.refreshed(&kept.refresh);
    bed.clock().advance(Duration::from_micros(1));
    assert_eq!(code(service.refresh(&lost.refresh)), ErrorCode::RefreshTokenExpired);
    bed.clock().advance(DAY * 6);
    assert!(service.refresh(&kept.refresh).is_ok());
}

/// REQ-11, R-11, ASVS 10.4.8
fn refreshing_keeps_a_session_until_its_absolute_end(bed: &Bed) {
    let service = bed.service();
    let mut account = service.register("ada@example.org");
    for _ in 0..5 {
        bed.clock().advance((DAY * 6).saturating_sub(Duration::from_micros(1)));
        account = service.refreshed(&account.refresh);
    }
    bed.clock().advance(Duration::from_micros(4));
    account = service.refreshed(&account.refresh);
    bed.clock().advance(Duration::from_micros(1));
    let row = bed.session(account.session);
    assert_eq!(code(service.refresh(&account.refresh)), ErrorCode::RefreshTokenExpired);
    assert_eq!(bed.session(account.session), row, "an expired session is not written to");
    let outdated = bed.mint(account.session, 1);
    assert_eq!(code(service.refresh(&outdated)), ErrorCode::RefreshTokenExpired, "there is nothing left to steal");
}

/// ASVS 7.3
fn no_access_token_outlives_its_session(bed: &Bed) {
    let service = bed.service_with(|config| config.refresh_idle = config.refresh_lifetime);
    let account = service.register("ada@example.org");
    bed.clock().advance((DAY * 30).saturating_sub(Duration::from_secs(100)));
    let tokens = service.refresh(&account.refresh).unwrap();
    assert_eq!(tokens.expires_in, 100);
    let claims = service.claims(tokens.access_token.expose());
    assert_eq!(claims.expires_at, bed.session(account.session).expires_at);
    bed.clock().advance(Duration::from_secs(100));
    assert!(service.verify(tokens.access_token.expose()).is_err());
}

/// REQ-13
fn an_expired_session_is_no_longer_listed(bed: &Bed) {
    let service = bed.service();
    let old = service.register("ada@example.org");
    bed.clock().advance(DAY * 4);
    let new = service.log_in("ada@example.org");
    let listed = || block_on(service.service.sessions(old.user, new.session)).unwrap();
    assert_eq!(listed().len(), 2);
    bed.clock().advance(DAY * 3);
    let list = listed();
    assert_eq!((list.len(), list[0].id, list[0].current), (1, new.session, true));
    assert_eq!(list[0].device.as_deref(), Some("Firefox on Linux"));
    assert_eq!(list[0].ip.as_deref(), Some("192.0.2.7"));
}

/// the database is closed, and nobody notices.
fn what_is_no_token_of_ours_costs_no_look_at_the_database(bed: &Bed) {
    let database = bed.open_again();
    let service = crate::bed::Setup { database: database.clone(), ..bed.setup() }.start().unwrap();
    let good = service.register("ada@example.org").refresh;
    database.close();
    let changed = format!("{}{}", &good[..good.len() - 1], if good.ends_with('A') { 'Q' } else { 'A' });
    let long = "a".repeat(1 << 20);
    for garbage in
        ["", "rt_", "null", "\u{1f511}", &changed, &good[1..], &format!(" {good}"), &format!("{good}\n"), &long]
    {
        assert!(matches!(service.refresh(garbage), Err(RefreshError::Invalid)));
    }
    assert!(matches!(service.refresh(&good), Err(RefreshError::Fault(_))), "a good one would have been looked up");
}

/// whoever knows the key alone, and not the row, has no token.
fn a_token_of_another_session_s_salt_is_refused(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let sql = if bed.is_postgres() { "decode(repeat('07', 32), 'hex')" } else { "zeroblob(32)" };
    bed.execute(&format!("UPDATE sessions SET salt = {sql}"));
    let row = bed.session(account.session);
    assert!(matches!(service.refresh(&account.refresh), Err(RefreshError::Invalid)));
    assert_eq!(bed.session(account.session), row);
    assert!(service.refresh(&bed.mint(account.session, 1)).is_ok());
}

/// Row 7: commits were lost, and the client has what they made.
fn a_token_ahead_of_the_row_is_no_theft(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    service.refreshed(&account.refresh);
    let ahead = bed.mint(account.session, 7);
    let successor = service.refreshed(&ahead);
    assert_eq!((generation_of(&successor.refresh), bed.session(account.session).generation), (8, 8));
    assert_eq!((bed.count_events(account.user, "token.ahead"), bed.count_events(account.user, "token.reused")), (1, 0));
    assert_eq!(service.refreshed(&ahead).refresh, successor.refresh);
    assert!(bed.mails(account.user).is_empty());
}

/// Rule 6 of the contract, the server's part: its client has given up on it.
fn a_refresh_that_waited_too_long_changes_nothing(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let row = bed.session(account.session);
    for (late, is_granted) in [(Duration::from_micros(3_000_001), false), (Duration::from_secs(3), true)] {
        // All connections of this service are taken, so that the refresh waits in the queue.
        let queue = (0..if bed.is_postgres() { 3 } else { 1 }).map(|_| Held::after(&service.database, |_| Ok(())));
        let queue: Vec<_> = queue.collect();
        let answer = std::thread::scope(|scope| {
            let refresh = scope.spawn(|| service.refresh(&account.refresh).map(drop));
            crate::bed::until(|| service.database.queued() == 1);
            bed.clock().advance(late);
            queue.into_iter().for_each(Held::let_go);
            refresh.join().unwrap()
        });
        if is_granted {
            assert!(answer.is_ok(), "{answer:?}");
        } else {
            assert!(matches!(answer, Err(RefreshError::RetryLater(time)) if time <= GRACE), "{answer:?}");
            assert_eq!(bed.session(account.session), row);
        }
    }
}

/// REQ-10
fn an_access_token_says_when_its_user_signed_in(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let signed_in = unverified_claims(&account.access)["auth_time"].clone();
    bed.clock().advance(DAY);
    let refreshed = service.refreshed(&account.refresh);
    assert_eq!(unverified_claims(&refreshed.access)["auth_time"], signed_in);
    let again = service.log_in("ada@example.org");
    assert_ne!(unverified_claims(&again.access)["auth_time"], signed_in);
}

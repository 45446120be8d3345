//! Signing out (REQ-12) and ending sessions (REQ-13).

use auth_core::AccessTokenError;
use auth_service::{Client, RefreshError, SessionError};

use crate::bed::{Account, Bed, GRACE, Instance, block_on, browser, on_both_databases};

on_both_databases! {
    a_log_out_ends_the_session_at_once_and_no_other,
    signing_out_twice_is_no_error,
    any_authentic_refresh_token_signs_its_session_out,
    what_is_no_token_signs_nobody_out_and_is_no_error,
    logging_out_everywhere_ends_all_sessions_of_the_user_alone,
    all_other_sessions_can_be_ended,
    one_session_can_be_ended_by_its_user_alone,
}

fn is_dead(service: &Instance, account: &Account) -> bool {
    matches!(service.verify(&account.access), Err(AccessTokenError::SessionRevoked))
        && matches!(service.refresh(&account.refresh), Err(RefreshError::Invalid))
}

fn is_alive(service: &Instance, account: &Account) -> bool {
    service.verify(&account.access).is_ok() && service.refresh(&account.refresh).is_ok()
}

/// REQ-12
fn a_log_out_ends_the_session_at_once_and_no_other(bed: &Bed) {
    let service = bed.service();
    let (left, kept) = (service.register("ada@example.org"), service.log_in("ada@example.org"));
    block_on(service.service.log_out(left.user, left.session, &browser())).unwrap();
    assert!(is_dead(&service, &left) && is_alive(&service, &kept));
    assert_eq!(bed.session(left.session).revoke_reason.as_deref(), Some("logout"));
    assert_eq!(bed.count_events(left.user, "logout"), 1);
}

///
fn signing_out_twice_is_no_error(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let row = || (bed.session(account.session), bed.trail(account.user).len());
    block_on(service.service.log_out(account.user, account.session, &Client::default())).unwrap();
    let first = row();
    bed.clock().advance(GRACE);
    block_on(service.service.log_out(account.user, account.session, &Client::default())).unwrap();
    block_on(service.service.log_out_by_refresh_token(&account.refresh, &Client::default())).unwrap();
    assert_eq!(row(), first, "the first one's time and record stay");
}

/// REQ-12, RFC 7009: also a token that was replaced long ago, without any alarm.
fn any_authentic_refresh_token_signs_its_session_out(bed: &Bed) {
    let service = bed.service();
    let outdated = service.register("ada@example.org");
    let mut newest = service.refreshed(&outdated.refresh);
    for _ in 0..3 {
        bed.clock().advance(GRACE);
        newest = service.refreshed(&newest.refresh);
    }
    block_on(service.service.log_out_by_refresh_token(&outdated.refresh, &Client::default())).unwrap();
    assert!(is_dead(&service, &newest));
    assert_eq!((bed.count_events(outdated.user, "logout"), bed.count_events(outdated.user, "token.reused")), (1, 0));
    assert!(bed.mails(outdated.user).is_empty());
}

/// RFC 7009, section 2.2
fn what_is_no_token_signs_nobody_out_and_is_no_error(bed: &Bed) {
    let service = bed.service();
    let account = service.register("ada@example.org");
    let forged = format!("{}AAAA", &account.refresh[..account.refresh.len() - 4]);
    let of_another_row = {
        let sql = if bed.is_postgres() { "decode(repeat('07', 32), 'hex')" } else { "zeroblob(32)" };
        let other = service.register("bob@example.org");
        bed.execute(&format!(
            "UPDATE sessions SET salt = {sql} WHERE user_id = (SELECT id FROM users WHERE email = 'bob@example.org')"
        ));
        other
    };
    for text in ["", "nonsense", &forged, &of_another_row.refresh] {
        block_on(service.service.log_out_by_refresh_token(text, &Client::default())).unwrap();
    }
    assert!(is_alive(&service, &account));
    assert_eq!(bed.session(of_another_row.session).revoked_at, None);
}

/// REQ-12
fn logging_out_everywhere_ends_all_sessions_of_the_user_alone(bed: &Bed) {
    let service = bed.service();
    let other = service.register("bob@example.org");
    let mine =
        [service.register("ada@example.org"), service.log_in("ada@example.org"), service.log_in("ada@example.org")];
    block_on(service.service.log_out_everywhere(mine[0].user, &browser())).unwrap();
    assert!(mine.iter().all(|account| is_dead(&service, account)));
    assert!(is_alive(&service, &other) && is_alive(&service, &service.log_in("ada@example.org")));
    assert_eq!(bed.count_events(mine[0].user, "logout_all"), 1);
}

/// REQ-13
fn all_other_sessions_can_be_ended(bed: &Bed) {
    let service = bed.service();
    let mine =
        [service.register("ada@example.org"), service.log_in("ada@example.org"), service.log_in("ada@example.org")];
    block_on(service.service.revoke_other_sessions(mine[0].user, mine[1].session, &browser())).unwrap();
    assert!(is_dead(&service, &mine[0]) && is_alive(&service, &mine[1]) && is_dead(&service, &mine[2]));
    assert_eq!(bed.count_events(mine[0].user, "session.revoked"), 1);
}

/// REQ-13, R-15: another user's session, an ended one and none at all look the same.
fn one_session_can_be_ended_by_its_user_alone(bed: &Bed) {
    let service = bed.service();
    let (ada, bob) = (service.register("ada@example.org"), service.register("bob@example.org"));
    let revoke = |session| block_on(service.service.revoke_session(ada.user, session, &browser()));
    let nobody = auth_core::SessionId::new(auth_core::Timestamp::UNIX_EPOCH, &auth_core::OsRandom);
    for session in [bob.session, nobody] {
        assert!(matches!(revoke(session), Err(SessionError::NotFound)));
    }
    block_on(service.service.log_out(ada.user, bob.session, &browser())).unwrap();
    assert!(is_alive(&service, &bob));
    let second = service.log_in("ada@example.org");
    revoke(second.session).unwrap();
    assert!(is_dead(&service, &second) && is_alive(&service, &ada));
    assert!(matches!(revoke(second.session), Err(SessionError::NotFound)));
    assert_eq!((bed.count_events(ada.user, "session.revoked"), bed.count_events(ada.user, "logout")), (1, 0));
}

//! Invariant 7: presentations at once, on two instances and real threads. One wins; losing a race is never "reuse".

use std::time::Duration;

use auth_core::SessionId;
use auth_persistence::{DbError, refresh as statement};
use auth_service::{Client, RefreshError, Tokens};

use crate::bed::records::generation_of;
use crate::bed::{Account, Bed, GRACE, Instance, block_on, on_both_databases, together};

on_both_databases! {
    the_current_token_presented_at_once_changes_the_generation_once,
    a_late_previous_token_presented_at_once_skips_once,
    a_previous_token_and_the_writing_of_marks_at_once_end_in_one_of_two_ways,
    a_refresh_and_a_log_out_at_once_never_look_like_reuse,
    sixty_refreshes_at_once_get_one_successor,
    tokens_of_two_sessions_reused_at_once_end_both,
}

const ROUNDS: u64 = 6;

struct Two(Instance, Instance);

impl Two {
    fn on(bed: &Bed) -> Self {
        Self(bed.service(), bed.second_service(Duration::ZERO))
    }

    fn nth(&self, number: usize) -> &Instance {
        if number.is_multiple_of(2) { &self.0 } else { &self.1 }
    }

    fn pass(&self, time: Duration) {
        for instance in [&self.0, &self.1] {
            instance.clock.advance(time);
        }
    }
}

fn is_reuse(answer: &Result<Tokens, RefreshError>) -> bool {
    matches!(answer, Err(RefreshError::Reused))
}

/// All granted answers carry one and the same refresh token; the others say "later".
fn the_one_successor(answers: Vec<Result<Tokens, RefreshError>>) -> String {
    let mut tokens = Vec::new();
    for answer in answers {
        match answer {
            Ok(granted) => tokens.push(granted.refresh_token.expose().to_owned()),
            Err(error) => assert!(matches!(error, RefreshError::RetryLater(_)), "{error:?}"),
        }
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "one successor");
    tokens.remove(0)
}

/// Invariant 7, cur + cur.
fn the_current_token_presented_at_once_changes_the_generation_once(bed: &Bed) {
    let two = Two::on(bed);
    let Account { session, mut refresh, .. } = two.0.register("ada@example.org");
    for _ in 0..ROUNDS {
        let before = bed.session(session).generation;
        refresh = the_one_successor(together(8, |number| two.nth(number).refresh(&refresh)));
        assert_eq!((bed.session(session).generation, generation_of(&refresh)), (before + 1, before + 1));
        two.pass(GRACE);
    }
}

/// Invariant 7, prev + prev at the time of a skip.
fn a_late_previous_token_presented_at_once_skips_once(bed: &Bed) {
    let two = Two::on(bed);
    let Account { session, refresh, .. } = two.0.register("ada@example.org");
    two.0.refreshed(&refresh);
    for _ in 0..ROUNDS {
        two.pass(GRACE);
        let before = bed.session(session).generation;
        let successor = the_one_successor(together(8, |number| two.nth(number).refresh(&refresh)));
        assert_eq!((bed.session(session).generation, generation_of(&successor)), (before + 1, before + 1));
    }
    assert_eq!(u64::from(bed.session(session).skips), ROUNDS);
}

/// Invariant 7, prev + flush: a skip, or a mark in time for the verdict; nothing between.
fn a_previous_token_and_the_writing_of_marks_at_once_end_in_one_of_two_ways(bed: &Bed) {
    let two = Two::on(bed);
    for round in 0..ROUNDS * 2 {
        let Account { user, session, refresh, .. } = two.0.register(&format!("user-{round}@example.org"));
        let current = two.0.refreshed(&refresh);
        two.1.claims(&current.access);
        two.pass(GRACE);
        let answers = together(2, |number| if number == 0 { Some(two.0.refresh(&refresh)) } else { flushed(&two.1) });
        let row = bed.session(session);
        if is_reuse(answers[0].as_ref().unwrap()) {
            assert_eq!((row.generation, row.seen_generation, row.revoked_at.is_some()), (2, 2, true));
        } else {
            assert_eq!((row.generation, row.revoked_at), (3, None), "{answers:?}");
        }
        assert_eq!(bed.count_events(user, "token.reused"), usize::from(row.revoked_at.is_some()));
    }
}

fn flushed(instance: &Instance) -> Option<Result<Tokens, RefreshError>> {
    instance.flush();
    None
}

/// Invariant 7, cur + revoke.
fn a_refresh_and_a_log_out_at_once_never_look_like_reuse(bed: &Bed) {
    let two = Two::on(bed);
    for round in 0..ROUNDS * 2 {
        let Account { user, session, refresh, .. } = two.0.register(&format!("user-{round}@example.org"));
        let answers = together(3, |number| {
            if number == 0 {
                block_on(two.1.service.log_out(user, session, &Client::default())).unwrap();
                return None;
            }
            Some(two.nth(number).refresh(&refresh))
        });
        for answer in answers.into_iter().flatten() {
            match answer {
                // Answered before the log-out: these tokens die with the session.
                Ok(tokens) => {
                    let tokens = (tokens.access_token.expose(), tokens.refresh_token.expose());
                    assert!(matches!(two.0.refresh(tokens.1), Err(RefreshError::Invalid)));
                    two.0.sync();
                    assert!(two.0.verify(tokens.0).is_err() && two.1.verify(tokens.0).is_err());
                }
                Err(error) => assert!(matches!(error, RefreshError::Invalid), "{error:?}"),
            }
        }
        let row = bed.session(session);
        assert_eq!(row.revoke_reason.as_deref(), Some("logout"));
        assert_eq!((bed.count_events(user, "token.reused"), bed.mails(user).len()), (0, 0));
    }
}

///
fn sixty_refreshes_at_once_get_one_successor(bed: &Bed) {
    let two = Two::on(bed);
    let Account { session, refresh, .. } = two.0.register("ada@example.org");
    let successor = the_one_successor(together(60, |number| two.nth(number).refresh(&refresh)));
    assert_eq!((generation_of(&successor), bed.session(session).generation), (2, 2));
    assert_eq!(bed.count("sessions", "true"), 1);
}

fn outdate(bed: &Bed, instance: &Instance, account: &Account) -> SessionId {
    instance.refreshed(&account.refresh);
    let session = account.session;
    bed.setup()
        .database
        .write_blocking(move |conn| statement::mark_seen(conn, session, 2).map(drop))
        .map_err(|error: DbError| error)
        .unwrap();
    session
}

/// Each ends all sessions of the user, in an order of its own: nobody may be left over, whoever waits for whom.
fn tokens_of_two_sessions_reused_at_once_end_both(bed: &Bed) {
    let two = Two::on(bed);
    for round in 0..ROUNDS {
        let email = format!("user-{round}@example.org");
        let accounts = [two.0.register(&email), two.0.log_in(&email)];
        let sessions = [0, 1].map(|number| outdate(bed, &two.0, &accounts[number]));
        two.pass(GRACE);
        let answers = together(2, |number| two.nth(number).refresh(&accounts[number].refresh));
        for answer in &answers {
            assert!(matches!(answer, Err(RefreshError::Reused | RefreshError::Invalid)), "{answer:?}");
        }
        assert!(answers.iter().any(is_reuse), "{answers:?}");
        assert!(sessions.iter().all(|session| bed.session(*session).revoked_at.is_some()));
        let alarms = answers.iter().filter(|answer| is_reuse(answer)).count();
        assert_eq!(
            (bed.count_events(accounts[0].user, "token.reused"), bed.mails(accounts[0].user).len()),
            (alarms, alarms)
        );
    }
}

//! What happens to an account between the callback and the exchange of its code, or before a challenge is answered: with
//! every security event, what is half done ends.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{ChallengeKind, FreshProof};

use super::{ADA_AT_GOOGLE, refusal};
use crate::bed::federation::{By, CORP, Federated, GOOGLE, Person, VERIFIER};
use crate::bed::{
    Account, Bed, NEW_PASSWORD, PASSWORD, block_on, browser, challenge, on_both_databases, together, tokens,
};
use crate::second_factor::{App, is_dead};

on_both_databases! {
    a_security_event_ends_the_codes_on_their_way,
    a_security_event_ends_the_challenges_of_this_sign_in,
    what_is_no_security_event_ends_nothing,
    an_account_disabled_meanwhile_opens_nothing,
    an_account_deleted_meanwhile_leaves_its_id_alone,
    a_factor_added_meanwhile_is_not_gone_past,
    an_exchange_and_an_unlinking_at_once_leave_no_session_that_came_later,
}

/// Somebody with a password, a verified address, and a linked account elsewhere.
struct Linked {
    email: String,
    subject: String,
    account: Account,
}

impl Linked {
    fn new(service: &Federated, name: &str) -> Self {
        let email = format!("{name}@example.org");
        let account = service.verified(&email);
        let linked = Self { subject: format!("g-{name}"), email, account };
        service.link(&linked.account, linked.person()).unwrap();
        linked
    }

    fn person(&self) -> Person<'_> {
        Person::nameless(GOOGLE, &self.subject)
    }
}

/// Does something to the account.
type Act = fn(&Federated, &Linked);

const EVENTS: [(&str, Act); 12] = [
    ("reset", |service, linked| {
        service.reset(&service.reset_token(&linked.email), NEW_PASSWORD).unwrap();
    }),
    ("change", |service, linked| service.change_password(&linked.account, PASSWORD, NEW_PASSWORD).unwrap()),
    ("everywhere", |service, linked| {
        block_on(service.service.log_out_everywhere(linked.account.user, &browser())).unwrap();
    }),
    ("others", |service, linked| {
        let Account { user, session, .. } = linked.account;
        block_on(service.service.revoke_other_sessions(user, session, &browser())).unwrap();
    }),
    ("secure", |service, linked| {
        service.change_password(&linked.account, PASSWORD, NEW_PASSWORD).unwrap();
        service.secure(&service.token("secure-account")).unwrap();
    }),
    ("email", |service, linked| {
        service.ask_for_address(&linked.account, &format!("new-{}", linked.email)).unwrap();
        service.confirm_address(&service.token("change-email")).unwrap();
    }),
    ("undo", |service, linked| {
        service.ask_for_address(&linked.account, &format!("new-{}", linked.email)).unwrap();
        service.confirm_address(&service.token("change-email")).unwrap();
        service.undo_address(&service.token("undo-email")).unwrap();
    }),
    ("unlink", |service, linked| service.unlink(&linked.account, GOOGLE).unwrap()),
    ("unlink-other", |service, linked| {
        service.link(&linked.account, Person::nameless(CORP, &linked.subject)).unwrap();
        service.unlink(&linked.account, CORP).unwrap();
    }),
    ("reuse", |service, linked| {
        // The other has the account's refresh token, too, and uses it later.
        let next = service.refreshed(&linked.account.refresh);
        service.refreshed(&next.refresh);
        service.clock.advance(crate::bed::GRACE + Duration::from_micros(1));
        assert!(service.refresh(&linked.account.refresh).is_err());
    }),
    ("factor", |service, linked| {
        let app = service.enrol(&linked.account);
        service.confirm_totp(&linked.account, &app.code(service, 0)).unwrap();
    }),
    ("delete", |service, linked| service.delete(&linked.account).unwrap()),
];

/// P-13, H-02
fn a_security_event_ends_the_codes_on_their_way(bed: &Bed) {
    let service = bed.federated();
    for (name, act) in EVENTS {
        let linked = Linked::new(&service, name);
        service.mails();
        let code = service.code(linked.person());
        act(&service, &linked);
        let sessions = bed.count("sessions", "true");
        assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired, "{name}");
        assert_eq!(bed.count("sessions", "true"), sessions, "{name}");
        service.mails();
        bed.clock().advance(Duration::from_mins(1));
    }
}

fn a_security_event_ends_the_challenges_of_this_sign_in(bed: &Bed) {
    let service = bed.federated();
    for (name, act) in EVENTS.into_iter().filter(|(name, _)| *name != "factor") {
        let linked = Linked::new(&service, name);
        let app = service.enrol(&linked.account);
        service.confirm_totp(&linked.account, &app.code(&service, 0)).unwrap();
        service.mails();
        // Codes of one step are taken once, and a minute has to be between two mails.
        bed.clock().advance(Duration::from_mins(1));
        let half_way = challenge(service.come(By::Answer, linked.person()).unwrap(), ChallengeKind::Mfa);
        act(&service, &linked);
        let answer = service.answer_totp(&half_way, &app.code(&service, 0));
        assert!(is_dead(&answer), "{name}: {answer:?}");
        service.mails();
    }
}

/// Neither the end of one session, nor another link, nor proving again, nor looking around.
fn what_is_no_security_event_ends_nothing(bed: &Bed) {
    let service = bed.federated();
    let linked = Linked::new(&service, "ada");
    let other = service.log_in(&linked.email);
    let code = service.code(linked.person());
    service.reauthenticate(&linked.account, FreshProof { password: Some(PASSWORD), code: None }).unwrap();
    block_on(service.service.revoke_session(other.user, other.session, &browser())).unwrap();
    service.link(&linked.account, Person::nameless(CORP, "c-ada")).unwrap();
    service.forgot(&linked.email).unwrap();
    service.enrol(&linked.account);
    block_on(service.service.log_out(linked.account.user, linked.account.session, &browser())).unwrap();
    assert_eq!(tokens(service.exchange(&code, Some(VERIFIER)).unwrap()).user.id, linked.account.user);
}

/// O-20
fn an_account_disabled_meanwhile_opens_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    let sessions = bed.count("sessions", "true");
    let code = service.code(ADA_AT_GOOGLE);
    bed.execute("UPDATE users SET disabled_at = created_at");
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::AccountDisabled);
    super::assert_refusal_on_record(bed, account.user, GOOGLE, ErrorCode::AccountDisabled);
    bed.execute("UPDATE users SET disabled_at = NULL");
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired, "it is spent");
    assert_eq!(bed.count("sessions", "true"), sessions);
}

/// REQ-40: of a deleted account the audit trail keeps the id, and nothing that tells whose it was.
fn an_account_deleted_meanwhile_leaves_its_id_alone(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    let code = service.code(ADA_AT_GOOGLE);
    service.delete(&account).unwrap();
    assert_eq!(refusal(service.exchange(&code, Some(VERIFIER))), ErrorCode::TokenInvalidOrExpired);
    for row in bed.trail(account.user) {
        assert_eq!((&row.ip, &row.user_agent), (&None, &None), "{row:?}");
    }
}

/// As the gate sees it, also where a program of somebody else's added it.
fn a_factor_added_meanwhile_is_not_gone_past(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    let code = service.code(ADA_AT_GOOGLE);
    let app: App = service.enrol(&account);
    service.confirm_totp(&account, &app.code(&service, 0)).unwrap();
    bed.execute("UPDATE users SET security_epoch = 0");
    let half_way = challenge(service.exchange(&code, Some(VERIFIER)).unwrap(), ChallengeKind::Mfa);
    let tokens = tokens(service.answer_totp(&half_way, &app.next(&service)).unwrap());
    assert_eq!(service.claims(tokens.access_token.expose()).amr, ["fed", "otp", "mfa"]);
}

fn an_exchange_and_an_unlinking_at_once_leave_no_session_that_came_later(bed: &Bed) {
    let service = bed.federated();
    for round in 0..12 {
        let linked = Linked::new(&service, &format!("user{round}"));
        let code = service.code(linked.person());
        let [exchanged, unlinked] = <[_; 2]>::try_from(together(2, |nth| {
            if nth == 0 {
                service.exchange(&code, Some(VERIFIER)).map(drop).map_err(|error| error.code())
            } else {
                service.unlink(&linked.account, GOOGLE).map_err(|error| error.code())
            }
        }))
        .unwrap();
        assert_eq!(unlinked, Ok(()));
        assert!(matches!(exchanged, Ok(()) | Err(ErrorCode::TokenInvalidOrExpired)), "{exchanged:?}");
        assert!(service.exchange(&code, Some(VERIFIER)).is_err());
        service.mails();
    }
}

//! The sessions that a sign-in with another provider opens: like all others.

use std::num::NonZeroU32;
use std::time::Duration;

use auth_core::{Clock as _, ErrorCode};
use auth_service::{ChallengeKind, Client, FRESH_PROOF};

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, NOBODY_AT_GOOGLE, entered};
use crate::bed::counters::counted;
use crate::bed::federation::{By, CORP, Federated, GOOGLE, PAGE, Person, Return, VERIFIER, here, page, parameter, run};
use crate::bed::{Bed, Instance, block_on, challenge, on_both_databases, tokens};

on_both_databases! {
    a_session_says_how_and_when_it_was_opened,
    a_sign_in_is_a_fresh_proof,
    a_new_device_is_told_by_mail,
    the_device_of_the_exchange_is_the_session_s,
    a_user_s_sessions_are_bounded,
    a_session_ends_like_any_other,
    what_came_of_sign_ins_is_counted,
    refusals_are_counted_as_sign_ins_that_failed,
    the_record_of_a_sign_in_names_the_provider,
}

const PHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";

fn phone() -> Client {
    Client::at(Some("203.0.113.9".parse().unwrap())).with_user_agent(PHONE.as_bytes())
}

fn a_session_says_how_and_when_it_was_opened(bed: &Bed) {
    let service = bed.federated();
    let ada = service.enter(ADA_AT_GOOGLE);
    bed.clock().advance(Duration::from_hours(1));
    for by in By::BOTH {
        let account = entered(service.come(by, ADA_AT_GOOGLE));
        assert_ne!(account.session, ada.session);
        let claims = service.claims(&account.access);
        assert_eq!((&claims.amr, claims.user_id), (&vec!["fed".to_owned()], ada.user));
        assert_eq!(claims.auth_time, bed.clock().now());
        let row = bed.session(account.session);
        assert_eq!((row.auth_methods.as_str(), row.ip.as_deref()), ("fed", Some("192.0.2.7")));
        assert_eq!(bed.user(ada.user).unwrap().last_login_at, Some(bed.clock().now()));
        let refreshed = service.refreshed(&account.refresh);
        assert_eq!(service.claims(&refreshed.access).amr, ["fed"]);
        let trail = bed.trail(ada.user);
        let row = trail.iter().rfind(|row| row.details["session_id"] == account.session.to_string().as_str()).unwrap();
        assert_eq!((row.event.as_str(), row.actor_id), ("login.succeeded", Some(ada.user)));
    }
    assert_eq!(bed.count_events(ada.user, "login.succeeded"), 3);
}

/// Also without a password or a factor.
fn a_sign_in_is_a_fresh_proof(bed: &Bed) {
    let service = bed.federated();
    let old = service.enter(NOBODY_AT_GOOGLE);
    bed.clock().advance(FRESH_PROOF);
    assert!(service.delete(&old).is_err());
    let new = service.enter(NOBODY_AT_GOOGLE);
    assert!(service.delete(&old).is_err(), "of its own session alone");
    service.delete(&new).unwrap();
    assert_eq!(bed.user(old.user), None);
}

/// `AUTH_NOTIFY_NEW_DEVICE`
fn a_new_device_is_told_by_mail(bed: &Bed) {
    let service = bed.federated();
    service.enter(ADA_AT_GOOGLE);
    assert!(service.mails().is_empty(), "the first one is none");
    service.enter(ADA_AT_GOOGLE);
    assert!(service.mails().is_empty());
    let back = service.begin(ADA_AT_GOOGLE);
    here(run(service.service.finish_oauth(back.callback(), &phone()))).unwrap();
    let mail = service.one_mail();
    assert!(mail.is("secure-account", ADA) && mail.mail.text().contains("iPhone"), "{mail:?}");
    let back = service.begin(ADA_AT_GOOGLE);
    here(run(service.service.finish_oauth(back.callback(), &phone()))).unwrap();
    assert!(service.mails().is_empty(), "it is known now");
}

fn callback_by(service: &Federated, back: &Return, client: &Client) -> String {
    parameter(&page(run(service.service.finish_oauth(back.callback(), client))), "code").unwrap()
}

/// Nobody is in by the callback.
fn the_device_of_the_exchange_is_the_session_s(bed: &Bed) {
    let service = bed.federated();
    service.enter(ADA_AT_GOOGLE);
    let start = auth_service::OAuthStart { redirect_to: Some(PAGE), ..Default::default() };
    let back = service.begin_at(&service, start, ADA_AT_GOOGLE);
    let code = callback_by(&service, &back, &phone());
    assert!(service.mails().is_empty());
    assert_eq!(
        Instance::account(&tokens(service.exchange(&code, None).unwrap())).user,
        service.enter(ADA_AT_GOOGLE).user
    );
    assert!(service.mails().is_empty(), "the exchange came from where it is known");
    let code = service.code(ADA_AT_GOOGLE);
    let step = run(service.service.exchange_oauth_code(Some(&code), Some(VERIFIER), &phone())).unwrap();
    let account = Instance::account(&tokens(step));
    assert_eq!(bed.session(account.session).ip.as_deref(), Some("203.0.113.9"));
    assert!(service.one_mail().mail.text().contains("iPhone"));
}

fn a_user_s_sessions_are_bounded(bed: &Bed) {
    let service = bed.federated_as(|setup| setup.config.sessions_per_user = NonZeroU32::new(2).unwrap());
    let mut sessions = Vec::new();
    for by in [By::Answer, By::Page, By::Answer, By::Page] {
        sessions.push(entered(service.come(by, ADA_AT_GOOGLE)));
        bed.clock().advance(Duration::from_secs(1));
    }
    assert!(sessions[..2].iter().all(|session| service.is_over(session)));
    assert!(sessions[2..].iter().all(|session| service.is_live(session)));
}

fn a_session_ends_like_any_other(bed: &Bed) {
    let service = bed.federated();
    let sessions = [0; 3].map(|_| service.enter(ADA_AT_GOOGLE));
    let user = sessions[0].user;
    block_on(service.service.log_out(user, sessions[0].session, &phone())).unwrap();
    assert!(service.is_over(&sessions[0]) && service.verify(&sessions[1].access).is_ok());
    block_on(service.service.log_out_everywhere(user, &phone())).unwrap();
    assert!(sessions.iter().all(|session| service.is_over(session)));
    assert!(service.refresh(&bed.mint(service.enter(ADA_AT_GOOGLE).session, 0)).is_err(), "reuse is found");
}

/// REQ-71
fn what_came_of_sign_ins_is_counted(bed: &Bed) {
    let service = bed.federated();
    service.register(ADA);
    let counts = counted(|| {
        service.enter(NOBODY_AT_GOOGLE);
        service.code(NOBODY_AT_GOOGLE);
        assert!(service.come(By::Answer, ADA_AT_GOOGLE).is_err() && service.come(By::Page, ADA_AT_CORP).is_err());
        for error in ["access_denied", "<access_denied>"] {
            let back = Return { error: Some(error.to_owned()), ..service.begin(NOBODY_AT_GOOGLE) };
            assert!(here(service.finish_oauth(&back)).is_err());
        }
    });
    let count = |provider: &str, outcome: &str| {
        counts.get(&format!("auth_oauth_sign_ins_total{{provider={provider},outcome={outcome}}}")).copied().unwrap_or(0)
    };
    let outcomes = ["success", "account_exists", "oauth_denied", "provider_error"];
    assert_eq!(outcomes.map(|outcome| count("google", outcome)), [2, 1, 1, 1]);
    assert_eq!(outcomes.map(|outcome| count("corp", outcome)), [0, 1, 0, 0]);
}

/// REQ-71: whatever the way in, operators see refusals in one number.
fn refusals_are_counted_as_sign_ins_that_failed(bed: &Bed) {
    let service = bed.federated();
    service.register(ADA);
    let disabled = service.enter(NOBODY_AT_GOOGLE);
    let closed = service.beside(bed, |setup| setup.config.registration_open = false);
    let failures = |work: &dyn Fn()| counted(work).get("auth_login_failure_total").copied().unwrap_or(0);
    for by in By::BOTH {
        let exists = || assert_eq!(service.come(by, ADA_AT_GOOGLE).err(), Some(ErrorCode::AccountExists));
        assert_eq!(failures(&exists), 1);
        let new = Person::nameless(GOOGLE, "g-new");
        let is_closed = || assert_eq!(service.come_to(&closed, by, new).err(), Some(ErrorCode::RegistrationClosed));
        assert_eq!(failures(&is_closed), 1);
        assert_eq!(failures(&|| drop(entered(service.come(by, NOBODY_AT_GOOGLE)))), 0);
        bed.execute("UPDATE users SET disabled_at = created_at WHERE email IS NULL");
        let is_disabled = || assert_eq!(service.come(by, NOBODY_AT_GOOGLE).err(), Some(ErrorCode::AccountDisabled));
        assert_eq!(failures(&is_disabled), 1);
        bed.execute("UPDATE users SET disabled_at = NULL");
    }
    assert_eq!(bed.count_events(disabled.user, "login.failed"), 2);
}

/// ASVS 16.3.1: who came by which provider can be told later.
fn the_record_of_a_sign_in_names_the_provider(bed: &Bed) {
    let service = bed.federated();
    let ada = service.verified(ADA);
    service.log_in(ADA);
    service.link(&ada, ADA_AT_GOOGLE).unwrap();
    for by in By::BOTH {
        entered(service.come(by, ADA_AT_GOOGLE));
    }
    entered(service.come(By::Answer, ADA_AT_CORP));
    let ada = service.protect(ada);
    for by in By::BOTH {
        let half_way = challenge(service.come(by, ADA_AT_CORP).unwrap(), ChallengeKind::Mfa);
        service.answer_totp(&half_way, &ada.app.next(&service)).unwrap();
    }
    let trail = bed.trail(ada.user());
    let entries = trail.iter().filter(|row| row.event == "login.succeeded");
    let mut providers: Vec<_> = entries.map(|row| row.details.get("provider").and_then(|name| name.as_str())).collect();
    providers.sort_unstable();
    assert_eq!(providers, [None, Some(CORP), Some(CORP), Some(CORP), Some(GOOGLE), Some(GOOGLE)]);
}

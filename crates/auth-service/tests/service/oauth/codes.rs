//! The code that an app exchanges: 60 s, once, bound to the app's own browser by its challenge (RFC 7636).

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{OAuthFlowError, OAuthStart};

use super::{ADA_AT_GOOGLE, NOBODY_AT_GOOGLE, refusal};
use crate::bed::federation::{By, CHALLENGE, Federated, PAGE, VERIFIER, page, parameter, run};
use crate::bed::{Bed, browser, faults, on_both_databases, together, tokens};

on_both_databases! {
    a_code_is_good_for_a_minute,
    a_code_is_good_for_one_exchange,
    of_eight_exchanges_at_once_one_goes_on,
    a_code_is_bound_to_the_verifier_of_its_challenge,
    a_wrong_verifier_spends_the_code,
    what_is_no_code_opens_nothing,
    a_code_that_is_missing_is_a_fault_of_the_request,
    a_challenge_and_what_the_app_wants_back_have_a_shape,
}

const MICRO: Duration = Duration::from_micros(1);
const MINUTE: Duration = Duration::from_mins(1);

/// The code for a page that sent this challenge.
fn code_of(service: &Federated, code_challenge: Option<&str>) -> String {
    let start = OAuthStart { redirect_to: Some(PAGE), code_challenge, ..OAuthStart::default() };
    let url = page(service.finish_oauth(&service.begin_at(service, start, ADA_AT_GOOGLE)));
    parameter(&url, "code").unwrap()
}

fn is_dead<T>(result: &Result<T, OAuthFlowError>) -> bool {
    matches!(result, Err(OAuthFlowError::CodeInvalid))
}

fn a_code_is_good_for_a_minute(bed: &Bed) {
    let service = bed.federated();
    for (age, is_good) in [(MINUTE.saturating_sub(MICRO), true), (MINUTE, false), (MINUTE + MICRO, false)] {
        let code = code_of(&service, None);
        bed.clock().advance(age);
        let step = service.exchange(&code, None);
        assert_eq!(step.is_ok(), is_good, "{age:?}");
        assert!(is_good || is_dead(&step));
    }
    assert_eq!(bed.count("sessions", "true"), 1);
}

fn a_code_is_good_for_one_exchange(bed: &Bed) {
    let service = bed.federated();
    let code = code_of(&service, None);
    let account = bed.read(|conn| auth_persistence::user::find_by_email(conn, super::ADA)).unwrap();
    assert_eq!((account.last_login_at, bed.count("sessions", "true")), (None, 0), "nobody is in by the code alone");
    assert_eq!(bed.count_events(account.id, "login.succeeded"), 0);
    assert_eq!(tokens(service.exchange(&code, None).unwrap()).user.id, account.id);
    assert!(is_dead(&service.exchange(&code, None)));
    assert_eq!((bed.count("sessions", "true"), bed.count_events(account.id, "login.succeeded")), (1, 1));
}

fn of_eight_exchanges_at_once_one_goes_on(bed: &Bed) {
    let service = bed.federated();
    for _ in 0..8 {
        let code = code_of(&service, Some(CHALLENGE));
        let results = together(8, |_| service.exchange(&code, Some(VERIFIER)));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().all(|result| result.is_ok() || is_dead(result)), "{results:?}");
    }
    assert_eq!(bed.count("sessions", "true"), 8);
}

fn a_code_is_bound_to_the_verifier_of_its_challenge(bed: &Bed) {
    let service = bed.federated();
    let near = VERIFIER.to_lowercase();
    for (challenge, verifier, is_good) in [
        (Some(CHALLENGE), Some(VERIFIER), true),
        (None, None, true),
        (Some(CHALLENGE), None, false),
        (Some(CHALLENGE), Some(""), false),
        (Some(CHALLENGE), Some(CHALLENGE), false),
        (Some(CHALLENGE), Some(&*near), false),
        // Somebody has taken the challenge off the start (RFC 9700, section 2.1.1).
        (None, Some(VERIFIER), false),
        (None, Some(""), false),
    ] {
        let step = service.exchange(&code_of(&service, challenge), verifier);
        assert_eq!(step.is_ok(), is_good, "{challenge:?} {verifier:?}");
        assert!(is_good || is_dead(&step), "{challenge:?} {verifier:?}");
    }
    assert_eq!(bed.count("sessions", "true"), 2);
}

/// Nobody guesses at it twice.
fn a_wrong_verifier_spends_the_code(bed: &Bed) {
    let service = bed.federated();
    for wrong in [None, Some("not the verifier")] {
        let code = code_of(&service, Some(CHALLENGE));
        assert!(is_dead(&service.exchange(&code, wrong)));
        assert!(is_dead(&service.exchange(&code, Some(VERIFIER))));
    }
}

/// Whatever else is around: state and binding of a flow, tokens, codes of the provider.
fn what_is_no_code_opens_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.enter(ADA_AT_GOOGLE);
    let back = service.begin(NOBODY_AT_GOOGLE);
    let code = code_of(&service, None);
    let forged = format!("ot_{}", "A".repeat(43));
    let mut texts = vec![account.access, account.refresh, forged, "undefined".to_owned(), "x".repeat(100_000)];
    texts.extend([back.state.clone(), back.binding.clone(), back.code.clone()].into_iter().flatten());
    texts.extend([format!("{code} "), code.to_lowercase(), code[3..].to_owned(), format!("{code}\0")]);
    for text in &texts {
        assert!(is_dead(&service.exchange(text, None)));
    }
    assert!(service.exchange(&code, None).is_ok(), "it was good still");
    let refused = service.finish_oauth(&back);
    assert!(crate::bed::federation::here(refused).is_ok(), "and so was the flow");
}

fn a_code_that_is_missing_is_a_fault_of_the_request(bed: &Bed) {
    let service = bed.federated();
    let code = run(service.service.exchange_oauth_code(None, Some(VERIFIER), &browser()));
    let Err(OAuthFlowError::Invalid(errors)) = code else { panic!("{code:?}") };
    assert_eq!(faults(&errors), [("code", "required")]);
}

fn a_challenge_and_what_the_app_wants_back_have_a_shape(bed: &Bed) {
    let service = bed.federated();
    let account = service.register("bob@example.org");
    let plain = OAuthStart { provider: "google", redirect_to: Some(PAGE), ..OAuthStart::default() };
    let (long, longest) = ("x".repeat(513), "x".repeat(512));
    let (short, padded) = (&CHALLENGE[1..], format!("{CHALLENGE}="));
    let standard = format!("+/{}", &CHALLENGE[2..]);
    for challenge in ["", short, &padded, &standard, &format!("{} ", &CHALLENGE[1..]), &"ä".repeat(43)] {
        let start = OAuthStart { code_challenge: Some(challenge), app_state: Some(&long), ..plain };
        for refused in [service.start_oauth(start), service.start_link(start, &account)] {
            let Err(OAuthFlowError::Invalid(errors)) = refused else { panic!("{challenge}: {refused:?}") };
            assert_eq!(
                faults(&errors),
                [("code_challenge", "invalid_code_challenge"), ("app_state", "invalid_app_state")]
            );
        }
    }
    assert!(service.start_oauth(OAuthStart { app_state: Some(&longest), ..plain }).is_ok());
    assert!(service.start_oauth(OAuthStart { code_challenge: Some(CHALLENGE), ..plain }).is_ok());
    let elsewhere = OAuthStart { redirect_to: Some("https://evil.example/"), app_state: Some(&long), ..plain };
    assert_eq!(refusal(service.start_oauth(elsewhere)), ErrorCode::RedirectNotAllowed);
    assert!(service.come(By::Page, ADA_AT_GOOGLE).is_ok());
}

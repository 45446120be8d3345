//! Flows between start and callback (REQ-31; O-01 to O-07): ten minutes, one callback, one browser, one provider, one
//! purpose. What is missing doesn't match.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::{OAuthStart, oauth_flow_id};
use identity_provider::Endpoint;
use url::Url;

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, NOBODY_AT_GOOGLE, refusal};
use crate::bed::federation::{By, CORP, DISCORD, GOOGLE, Person, Return, here, parameter};
use crate::bed::{Bed, Instance, on_both_databases, together, tokens};

on_both_databases! {
    a_flow_is_good_for_ten_minutes,
    a_flow_is_good_for_one_callback,
    of_eight_callbacks_at_once_one_goes_on,
    another_browser_s_try_is_refused_and_ends_nothing,
    what_is_missing_does_not_match,
    a_flow_is_of_one_provider_and_one_purpose,
    a_flow_lives_where_it_was_begun,
    whatever_comes_back_uses_the_flow_up,
    a_stranger_s_code_opens_nothing,
    an_answer_of_another_issuer_is_refused,
    every_flow_has_secrets_of_its_own,
    flows_come_back_below_the_base_url,
}

const LIFE: Duration = Duration::from_mins(10);
const MICRO: Duration = Duration::from_micros(1);

/// Whether the callback was refused for its state.
#[track_caller]
fn is_refused(service: &Instance, back: &Return) -> bool {
    match here(service.finish_oauth(back)) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::OauthStateInvalid);
            true
        }
    }
}

/// O-01
fn a_flow_is_good_for_ten_minutes(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    for (age, is_good) in [(LIFE.saturating_sub(MICRO), true), (LIFE, false), (LIFE + MICRO, false)] {
        let account = service.log_in(bed.user(account.user).unwrap().email.as_deref().unwrap());
        let (back, link) = (service.begin(NOBODY_AT_GOOGLE), service.begin_link(&account, ADA_AT_GOOGLE));
        bed.clock().advance(age);
        assert_eq!(is_refused(&service, &back), !is_good, "{age:?}");
        let linked = here(service.finish_link(&link));
        assert_eq!(linked.map(|linked| linked.provider).is_ok(), is_good, "{age:?}");
        bed.execute("DELETE FROM oauth_accounts");
    }
}

/// O-01
fn a_flow_is_good_for_one_callback(bed: &Bed) {
    let service = bed.federated();
    let back = service.begin(ADA_AT_GOOGLE);
    assert!(!is_refused(&service, &back));
    let asked = service.idp.count(Endpoint::Token);
    for _ in 0..3 {
        assert!(is_refused(&service, &back));
    }
    let start = OAuthStart { redirect_to: Some(crate::bed::federation::PAGE), ..OAuthStart::default() };
    let back = service.begin_at(&service, start, ADA_AT_GOOGLE);
    crate::bed::federation::page(service.finish_oauth(&back));
    assert!(is_refused(&service, &back), "a used one is answered right here: whose it was is not known any more");
    assert_eq!(service.idp.count(Endpoint::Token), asked + 1);
    assert_eq!(bed.count("sessions", "true"), 1);
}

fn of_eight_callbacks_at_once_one_goes_on(bed: &Bed) {
    let service = bed.federated();
    for round in 0..8 {
        let back = service.begin([ADA_AT_GOOGLE, ADA_AT_CORP][round % 2]);
        let results = together(8, |_| here(service.finish_oauth(&back)));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(error.code(), ErrorCode::OauthStateInvalid);
        }
        assert_eq!(service.idp.count(Endpoint::Token), round + 1, "the provider hears of one");
    }
    assert_eq!((bed.count("sessions", "true"), bed.count("users", "true")), (8, 1));
}

/// O-02
fn another_browser_s_try_is_refused_and_ends_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let back = service.begin(NOBODY_AT_GOOGLE);
    let other = service.begin(NOBODY_AT_GOOGLE);
    let link = service.begin_link(&account, NOBODY_AT_GOOGLE);
    let state = back.state.clone().unwrap();
    for binding in [other.binding.clone(), link.binding.clone(), other.state.clone(), Some(state)] {
        assert!(is_refused(&service, &Return { binding, ..back.clone() }));
    }
    let swapped = Return { binding: link.binding.clone(), ..other.clone() };
    assert!(is_refused(&service, &swapped));
    assert_eq!(
        refusal(here(service.finish_link(&Return { binding: back.binding.clone(), ..link.clone() }))),
        ErrorCode::OauthStateInvalid
    );
    assert_eq!(service.idp.count(Endpoint::Token), 0, "the provider hears nothing of it");
    assert!(!is_refused(&service, &back) && !is_refused(&service, &other));
    assert_eq!(refusal(here(service.finish_link(&link))), ErrorCode::AlreadyLinked, "it was good still");
}

/// O-03: Hono CVE-2026-81888.
fn what_is_missing_does_not_match(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let (back, link) = (service.begin(ADA_AT_CORP), service.begin_link(&account, ADA_AT_CORP));
    let long = "a".repeat(100_000);
    let forged = format!("ot_{}", "A".repeat(43));
    for text in [None, Some(""), Some("ot_"), Some("undefined"), Some("null"), Some(&*forged), Some(&*long)] {
        for back in [&back, &link] {
            let text = text.map(str::to_owned);
            for back in [
                Return { state: text.clone(), ..back.clone() },
                Return { binding: text.clone(), ..back.clone() },
                Return { state: text.clone(), binding: text.clone(), ..back.clone() },
            ] {
                assert!(is_refused(&service, &back));
                assert_eq!(refusal(here(service.finish_link(&back))), ErrorCode::OauthStateInvalid);
            }
        }
    }
    let padded = Return { state: back.state.as_ref().map(|state| format!("{state} ")), ..back.clone() };
    assert!(is_refused(&service, &padded));
    assert_eq!((bed.count("users", "true"), bed.count("sessions", "true")), (1, 1));
    assert!(here(service.finish_link(&link)).is_ok(), "both were good still");
    assert!(!is_refused(&service, &back));
}

/// O-04: Auth.js CVE-2026-73419.
fn a_flow_is_of_one_provider_and_one_purpose(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    for name in [GOOGLE, DISCORD, CORP] {
        let subject = format!("{name}-1");
        let person = Person::nameless(name, &subject);
        let (back, link) = (service.begin(person), service.begin_link(&account, person));
        for other in [GOOGLE, DISCORD, CORP].into_iter().filter(|other| *other != name) {
            assert!(is_refused(&service, &Return { provider: other.to_owned(), ..back.clone() }));
            let elsewhere = Return { provider: other.to_owned(), ..link.clone() };
            assert_eq!(refusal(here(service.finish_link(&elsewhere))), ErrorCode::OauthStateInvalid);
        }
        assert!(is_refused(&service, &link), "it is for linking");
        assert_eq!(refusal(here(service.finish_link(&back))), ErrorCode::OauthStateInvalid, "it is for signing in");
        assert_eq!(here(service.finish_link(&link)).unwrap().provider, name);
        assert_eq!(tokens(here(service.finish_oauth(&back)).unwrap()).user.id, account.user);
    }
}

/// Flows are kept in the memory of one process.
fn a_flow_lives_where_it_was_begun(bed: &Bed) {
    let service = bed.federated();
    let other = service.beside(bed, |_| {});
    let back = service.begin(ADA_AT_GOOGLE);
    assert!(is_refused(&other, &back));
    let code = service.code(ADA_AT_GOOGLE);
    let verifier = Some(crate::bed::federation::VERIFIER);
    assert_eq!(refusal(other.exchange(&code, verifier)), ErrorCode::TokenInvalidOrExpired);
    assert!(!is_refused(&service, &back) && service.exchange(&code, verifier).is_ok());
}

/// RFC 6749, section 4.1.2.1; O-24.
fn whatever_comes_back_uses_the_flow_up(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let error = |error: &str| (Some(error.to_owned()), None, ErrorCode::OauthDenied);
    let fault = |error: &str| (Some(error.to_owned()), None, ErrorCode::ProviderError);
    let with_code = |code: &str| (None, Some(code.to_owned()), ErrorCode::ProviderError);
    for (error, code, expected) in [
        error("access_denied"),
        error("consent_required"),
        fault("<script>alert(1)</script>"),
        fault(""),
        fault("server_error"),
        fault("temporarily_unavailable"),
        with_code(""),
        with_code("not a code"),
        (None, None, ErrorCode::ProviderError),
        (Some("access_denied".to_owned()), Some("a code, too".to_owned()), ErrorCode::OauthDenied),
    ] {
        let (back, link) = (service.begin(NOBODY_AT_GOOGLE), service.begin_link(&account, NOBODY_AT_GOOGLE));
        let wrong = Return { error: error.clone(), code: code.clone(), ..back.clone() };
        assert_eq!(refusal(here(service.finish_oauth(&wrong))), expected, "{error:?} {code:?}");
        assert!(is_refused(&service, &back), "{error:?} {code:?}");
        let wrong = Return { error: error.clone(), code: code.clone(), ..link.clone() };
        assert_eq!(refusal(here(service.finish_link(&wrong))), expected, "{error:?} {code:?}");
        assert_eq!(refusal(here(service.finish_link(&link))), ErrorCode::OauthStateInvalid);
    }
    assert_eq!((bed.count("users", "true"), bed.count("oauth_accounts", "true")), (1, 0));
}

/// O-05: a stranger begins a flow of their own, and has somebody else's browser finish its own with the stranger's code.
fn a_stranger_s_code_opens_nothing(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    for person in [NOBODY_AT_GOOGLE, Person::nameless(CORP, "c-nobody"), Person::nameless(DISCORD, "7")] {
        let stranger = service.begin(person);
        let (back, link) = (service.begin(person), service.begin_link(&account, person));
        let forced = Return { code: stranger.code.clone(), ..back };
        assert_eq!(refusal(here(service.finish_oauth(&forced))), ErrorCode::ProviderError);
        let stranger = service.begin(person);
        let forced = Return { code: stranger.code.clone(), ..link };
        assert_eq!(refusal(here(service.finish_link(&forced))), ErrorCode::ProviderError);
    }
    // A provider that doesn't know PKCE: an issuer's nonce is left to tell the flows apart.
    service.idp.ignore_pkce(true);
    let (stranger, back) = (service.begin(ADA_AT_CORP), service.begin(ADA_AT_CORP));
    let forced = Return { code: stranger.code.clone(), ..back };
    assert_eq!(refusal(here(service.finish_oauth(&forced))), ErrorCode::ProviderError);
    assert_eq!((bed.count("users", "true"), bed.count("sessions", "true")), (1, 1));
}

/// O-07; RFC 9207, section 2.4.
fn an_answer_of_another_issuer_is_refused(bed: &Bed) {
    let service = bed.federated();
    let issuer = service.idp.issuer();
    for iss in [None, Some(String::new()), Some(format!("{issuer}/")), Some("https://other.example".to_owned())] {
        let back = service.begin(ADA_AT_CORP);
        let wrong = Return { iss: iss.clone(), ..back.clone() };
        assert_eq!(refusal(here(service.finish_oauth(&wrong))), ErrorCode::OauthStateInvalid, "{iss:?}");
        assert!(is_refused(&service, &back), "it is used up");
    }
    assert_eq!((service.idp.count(Endpoint::Token), bed.count("users", "true")), (0, 0));
    assert!(service.come(By::Answer, ADA_AT_CORP).is_ok());
}

/// O-06
fn every_flow_has_secrets_of_its_own(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let mut secrets = Vec::new();
    let start = OAuthStart { provider: CORP, ..OAuthStart::default() };
    for nth in 0..20 {
        let started =
            if nth % 2 == 0 { service.start_oauth(start) } else { service.start_link(start, &account) }.unwrap();
        let url = &started.authorization_url;
        let [state, nonce, challenge] = ["state", "nonce", "code_challenge"].map(|name| parameter(url, name).unwrap());
        assert_eq!(parameter(url, "code_challenge_method").as_deref(), Some("S256"));
        let binding = started.binding.expose();
        assert!(!url.as_str().contains(binding) && !url.as_str().contains(&binding[3..]));
        assert_eq!((started.flow_id.clone(), started.flow_id.len()), (oauth_flow_id(&state), 16));
        assert!(!state.contains(&started.flow_id), "it tells nothing of the state");
        let debug = format!("{started:?}");
        assert!(!debug.contains(&state) && !debug.contains(binding), "{debug}");
        // 256 bits each.
        assert!(state.len() >= 43 && nonce.len() >= 43 && challenge.len() == 43 && binding.len() >= 43);
        secrets.extend([state, nonce, challenge, binding.to_owned(), started.flow_id]);
    }
    let all = secrets.len();
    secrets.sort();
    secrets.dedup();
    assert_eq!(secrets.len(), all, "none of them is another");
}

/// REQ-35
fn flows_come_back_below_the_base_url(bed: &Bed) {
    for (base, below) in [
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://auth.example/", "https://auth.example"),
        ("https://auth.example/gate", "https://auth.example/gate"),
        ("https://auth.example/gate/", "https://auth.example/gate"),
        ("https://auth.example:8443/a/b/?x=1#y", "https://auth.example:8443/a/b"),
    ] {
        let service = bed.federated_as(|setup| setup.config.base_url = base.parse::<Url>().unwrap());
        let account = service.register(&format!("user{}@example.org", bed.count("users", "true")));
        for provider in [GOOGLE, CORP] {
            let start = OAuthStart { provider, ..OAuthStart::default() };
            let uri = |url: &Url| parameter(url, "redirect_uri").unwrap();
            let started = service.start_oauth(start).unwrap();
            assert_eq!(uri(&started.authorization_url), format!("{below}/auth/{provider}/callback"));
            let started = service.start_link(start, &account).unwrap();
            assert_eq!(uri(&started.authorization_url), format!("{below}/auth/link/{provider}/callback"));
        }
        let subject = format!("g-{}", bed.count("users", "true"));
        assert!(service.come(By::Answer, Person::nameless(GOOGLE, &subject)).is_ok(), "the provider is told the same");
    }
}

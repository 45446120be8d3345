//! Providers that fail: the flow is used up, the app gets a code, and operators get a line without secrets.

use std::time::Duration;

use auth_core::ErrorCode;
use auth_service::OAuthStart;
use identity_provider::{Answer, Endpoint, Signing};

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, NOBODY_AT_GOOGLE, refusal};
use crate::bed::federation::{By, CORP, DISCORD, Federated, GOOGLE, PAGE, Person, Return, here, page, parameter};
use crate::bed::journal::logged;
use crate::bed::{Account, Bed, on_both_databases};

on_both_databases! {
    a_provider_s_fault_ends_the_flow_and_nothing_else,
    the_log_tells_the_cause_and_no_secret,
    a_denied_or_forged_callback_is_no_fault_of_ours,
    what_people_answer_at_a_provider_is_no_fault,
    what_else_a_provider_reports_is_its_fault_and_logged_by_a_known_name,
    a_provider_that_fails_leaves_the_others_and_the_passwords_alone,
    a_provider_that_knows_its_users_no_more_is_taken_to_be_down,
}

/// Each fault once: five in a row would be taken for a provider that is down.
const FAULTS: [(Endpoint, &str); 4] =
    [(Endpoint::Token, GOOGLE), (Endpoint::Userinfo, GOOGLE), (Endpoint::Token, CORP), (Endpoint::Userinfo, DISCORD)];

fn fail_at(service: &Federated, endpoint: Endpoint, answer: &Answer) {
    for other in [Endpoint::Token, Endpoint::Userinfo, Endpoint::Emails] {
        service.idp.misbehave(other, if other == endpoint { answer.clone() } else { Answer::Normal });
    }
}

fn a_provider_s_fault_ends_the_flow_and_nothing_else(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    for (endpoint, provider) in FAULTS {
        let person = Person::nameless(provider, "7");
        let (back, link) = (service.begin(person), service.begin_link(&account, person));
        let before = bed.dump();
        fail_at(&service, endpoint, &Answer::Status(500));
        assert_eq!(refusal(here(service.finish_oauth(&back))), ErrorCode::ProviderError, "{endpoint:?}");
        assert_eq!(service.code_at(&service, person).err(), Some(ErrorCode::ProviderError), "at the page, too");
        assert_eq!(refusal(here(service.finish_link(&link))), ErrorCode::ProviderError);
        fail_at(&service, endpoint, &Answer::Normal);
        assert_eq!(refusal(here(service.finish_oauth(&back))), ErrorCode::OauthStateInvalid, "it is used up");
        assert_eq!(refusal(here(service.finish_link(&link))), ErrorCode::OauthStateInvalid);
        assert_eq!(bed.dump(), before);
        assert!(service.come(By::Answer, person).is_ok(), "the next one goes on");
    }
}

/// O-28
fn the_log_tells_the_cause_and_no_secret(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let mut secrets = Vec::new();
    let log = logged(|| {
        for (endpoint, provider) in FAULTS {
            let subject = format!("subject-of-{provider}");
            let person = Person::at(provider, &subject, "private@example.org");
            fail_at(&service, endpoint, &Answer::Status(502));
            let back = service.begin(person);
            assert!(here(service.finish_oauth(&back)).is_err());
            let link = service.begin_link(&account, person);
            assert!(here(service.finish_link(&link)).is_err());
            secrets.extend([back, link].into_iter().flat_map(|back| [back.state, back.binding, back.code]).flatten());
            secrets.push(subject);
            fail_at(&service, endpoint, &Answer::Normal);
        }
        service.idp.sign_with(Signing::BrokenSignature);
        assert_eq!(service.come(By::Page, ADA_AT_CORP).err(), Some(ErrorCode::ProviderError));
        service.idp.sign_with(Signing::Rs256);
        let body = "{\"error\":\"evil\",\"error_description\":\"quoted-by-nobody\"}".to_owned();
        service.idp.misbehave(Endpoint::Token, Answer::Body { status: 400, content_type: "application/json", body });
        assert_eq!(service.come(By::Answer, NOBODY_AT_GOOGLE).err(), Some(ErrorCode::ProviderError));
    });
    secrets.extend(service.idp.secrets());
    secrets.extend(["private@example.org".to_owned(), "quoted-by-nobody".to_owned()]);
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(lines.len(), 2 * FAULTS.len() + 2, "{log}");
    for (line, (_, provider)) in lines.iter().step_by(2).zip(FAULTS) {
        assert!(line.contains(&format!("provider=\"{provider}\"")) || line.contains(&format!("provider={provider}")));
        assert!(line.contains("request-1") && line.contains("the provider's answer can't be used"), "{line}");
    }
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!log.contains(secret.as_str()), "{secret}: {log}");
    }
}

/// Anybody can cause them: they are no news for operators.
fn a_denied_or_forged_callback_is_no_fault_of_ours(bed: &Bed) {
    let service = bed.federated();
    service.register(ADA);
    let log = logged(|| {
        let back = service.begin(NOBODY_AT_GOOGLE);
        let denied = Return { error: Some("access_denied".to_owned()), ..back.clone() };
        assert_eq!(refusal(here(service.finish_oauth(&denied))), ErrorCode::OauthDenied);
        assert_eq!(refusal(here(service.finish_oauth(&back))), ErrorCode::OauthStateInvalid);
        assert_eq!(service.come(By::Answer, ADA_AT_GOOGLE).err(), Some(ErrorCode::AccountExists));
        assert_eq!(refusal(service.exchange("ot_unknown", None)), ErrorCode::TokenInvalidOrExpired);
    });
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

/// What a browser that comes back with `error` is answered: here, at a page, and where it wanted to link.
fn come_back_with(service: &Federated, account: &Account, error: &str) -> [ErrorCode; 3] {
    let with_error = |back: Return| Return { error: Some(error.to_owned()), code: None, ..back };
    let back = with_error(service.begin(NOBODY_AT_GOOGLE));
    let start = OAuthStart { redirect_to: Some(PAGE), ..OAuthStart::default() };
    let to_page = with_error(service.begin_at(service, start, NOBODY_AT_GOOGLE));
    let link = with_error(service.begin_link(account, NOBODY_AT_GOOGLE));
    let told = parameter(&page(service.finish_oauth(&to_page)), "error").unwrap();
    let at_page = *ErrorCode::ALL.iter().find(|code| code.as_str() == told).expect("a known code");
    [refusal(here(service.finish_oauth(&back))), at_page, refusal(here(service.finish_link(&link)))]
}

/// RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6
fn what_people_answer_at_a_provider_is_no_fault(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let log = logged(|| {
        for error in [
            "access_denied",
            "login_required",
            "consent_required",
            "interaction_required",
            "account_selection_required",
        ] {
            assert_eq!(come_back_with(&service, &account, error), [ErrorCode::OauthDenied; 3], "{error}");
        }
    });
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

/// A provider that is set up wrongly must not look like people who don't agree. What is sent is anybody's text (O-28).
fn what_else_a_provider_reports_is_its_fault_and_logged_by_a_known_name(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let known = [
        "server_error",
        "temporarily_unavailable",
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "invalid_client",
        "redirect_uri_mismatch",
        "application_suspended",
    ];
    let forged = "access_denied\r\nforged line";
    let others =
        ["", "Access_denied", "access_denied ", "access_denie", forged, "<script>", "private@example.org", "x_y"];
    for error in known.into_iter().chain(others) {
        let log = logged(|| {
            assert_eq!(come_back_with(&service, &account, error), [ErrorCode::ProviderError; 3], "{error:?}");
        });
        let lines: Vec<_> = log.lines().filter(|line| line.starts_with("WARN")).collect();
        assert_eq!(lines.len(), 3, "{log}");
        let named = known.into_iter().find(|name| *name == error).unwrap_or("an error of its own");
        for line in lines {
            assert!(line.ends_with(&format!("it sent the browser back with {named}")), "{line}");
            assert!(line.contains(GOOGLE) && line.contains("request-1"), "{line}");
        }
        assert!(error.is_empty() || named == error || !log.contains(error), "{log}");
        assert!(!log.contains("forged"), "{log}");
    }
    assert!(service.come(By::Answer, NOBODY_AT_GOOGLE).is_ok(), "it is not taken to be down");
}

fn a_provider_that_fails_leaves_the_others_and_the_passwords_alone(bed: &Bed) {
    let service = bed.federated();
    service.register(ADA);
    let codes = fail_eight_times(&service, Endpoint::Token);
    assert_eq!(codes[..5], [ErrorCode::ProviderError; 5]);
    assert_eq!(codes[5..], [ErrorCode::ProviderUnavailable; 3], "it is not called any more");
    let asked = service.idp.count(Endpoint::Token);
    assert_eq!(service.code_at(&service, NOBODY_AT_GOOGLE).err(), Some(ErrorCode::ProviderUnavailable), "starts go on");
    assert_eq!(service.idp.count(Endpoint::Token), asked);
    fail_at(&service, Endpoint::Token, &Answer::Normal);
    assert!(service.come(By::Answer, Person::nameless(CORP, "c-1")).is_ok());
    assert!(service.come(By::Page, Person::nameless(DISCORD, "7")).is_ok());
    service.log_in(ADA);
    bed.clock().advance(Duration::from_secs(30));
    assert!(service.come(By::Answer, NOBODY_AT_GOOGLE).is_ok(), "it is tried again");
}

/// "Five failures in a row open the provider's own breaker": nobody can sign in by it, whichever of its parts is down.
fn a_provider_that_knows_its_users_no_more_is_taken_to_be_down(bed: &Bed) {
    let service = bed.federated();
    let codes = fail_eight_times(&service, Endpoint::Userinfo);
    assert_eq!(codes[0], ErrorCode::ProviderError);
    assert_eq!(codes[7], ErrorCode::ProviderUnavailable, "{codes:?}");
}

/// What eight callbacks are answered while this part of Google is down.
fn fail_eight_times(service: &Federated, endpoint: Endpoint) -> [ErrorCode; 8] {
    let backs = [0; 8].map(|_| service.begin(NOBODY_AT_GOOGLE));
    fail_at(service, endpoint, &Answer::Status(503));
    backs.map(|back| refusal(here(service.finish_oauth(&back))))
}

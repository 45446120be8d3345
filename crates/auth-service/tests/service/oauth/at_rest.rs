//! What lies in the database (O-28, R-21; REQ-32): nothing of the provider's, and nothing that finishes a flow of ours.

use auth_core::ErrorCode;
use auth_service::OAuthStart;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{ADA, ADA_AT_CORP, ADA_AT_GOOGLE, refusal};
use crate::bed::federation::{
    By, CHALLENGE, DISCORD, Federated, PAGE, Person, Return, VERIFIER, here, page, parameter,
};
use crate::bed::{Bed, on_both_databases};

on_both_databases! {
    a_dump_holds_nothing_of_the_provider_s_and_nothing_of_a_flow,
    starts_and_callbacks_that_lead_nowhere_leave_no_row,
    the_answer_holds_nothing_of_the_provider_s,
}

/// The forms in which a text may lie around.
fn forms(text: &str) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let mut forms = vec![text.to_owned(), hex(text.as_bytes()), STANDARD.encode(text)];
    if let Some(bytes) = text.strip_prefix("ot_").and_then(|body| URL_SAFE_NO_PAD.decode(body).ok()) {
        forms.extend([text[3..].to_owned(), hex(&bytes), STANDARD.encode(&bytes)]);
    }
    forms
}

/// Everything that is secret about a flow: what the browser and the page got, and what the provider was told.
struct Secrets(Vec<String>);

impl Secrets {
    fn add(&mut self, service: &Federated, back: &Return) {
        self.0.extend([&back.state, &back.binding, &back.code].into_iter().flatten().cloned());
        self.0.extend(service.idp.secrets());
        self.0.extend(service.idp.requests().iter().filter_map(|request| request.form.get("code_verifier").cloned()));
    }

    #[track_caller]
    fn assert_absent(&self, text: &str) {
        let text = text.to_lowercase();
        for secret in self.0.iter().filter(|secret| !secret.is_empty()) {
            for form in forms(secret) {
                assert!(!text.contains(&form.to_lowercase()), "{form}");
            }
        }
    }
}

fn a_dump_holds_nothing_of_the_provider_s_and_nothing_of_a_flow(bed: &Bed) {
    let service = bed.federated();
    let account = service.verified("bob@example.org");
    let mut secrets = Secrets(vec![VERIFIER.to_owned(), CHALLENGE.to_owned()]);
    for person in [ADA_AT_GOOGLE, ADA_AT_CORP, Person::at(DISCORD, "7", ADA)] {
        let start = OAuthStart { redirect_to: Some(PAGE), code_challenge: Some(CHALLENGE), ..OAuthStart::default() };
        let back = service.begin_at(&service, start, person);
        secrets.add(&service, &back);
        secrets.assert_absent(&bed.dump());
        let code = parameter(&page(service.finish_oauth(&back)), "code").unwrap();
        secrets.0.push(code.clone());
        secrets.assert_absent(&bed.dump());
        service.exchange(&code, Some(VERIFIER)).unwrap();
        // One that fails half-way, one that is denied, and one that links.
        let back = service.begin(person);
        secrets.add(&service, &back);
        let wrong = Return { code: Some("wrong-code-0123456789".to_owned()), ..back.clone() };
        secrets.0.push("wrong-code-0123456789".to_owned());
        assert_eq!(refusal(here(service.finish_oauth(&wrong))), ErrorCode::ProviderError);
        assert_eq!(refusal(here(service.finish_oauth(&back))), ErrorCode::OauthStateInvalid);
        let subject = format!("{}-bob", person.subject);
        let link = service.begin_link(&account, Person::nameless(person.provider, &subject));
        secrets.add(&service, &link);
        here(service.finish_link(&link)).unwrap();
        service.mails();
        secrets.add(&service, &link);
        secrets.assert_absent(&bed.dump());
    }
    let (first, last) = (secrets.0.len(), service.idp.secrets().len());
    assert!(first > 40 && last > 20, "{first} {last}: the provider gave codes and tokens");
    assert!(bed.dump().contains("oauth_accounts: "), "the dump is one");
    assert!(bed.count("oauth_accounts", "true") == 6);
}

/// O-30: flows are no rows that pile up.
fn starts_and_callbacks_that_lead_nowhere_leave_no_row(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    service.mails();
    let before = bed.dump();
    for _ in 0..10 {
        let back = service.begin(ADA_AT_GOOGLE);
        service.begin_link(&account, ADA_AT_CORP);
        let denied = Return { error: Some("access_denied".to_owned()), ..back.clone() };
        assert!(here(service.finish_oauth(&Return { binding: None, ..back })).is_err());
        assert!(here(service.finish_oauth(&denied)).is_err());
        assert!(service.exchange("ot_unknown", None).is_err());
    }
    assert_eq!(bed.dump(), before);
}

fn the_answer_holds_nothing_of_the_provider_s(bed: &Bed) {
    let service = bed.federated();
    let account = service.register(ADA);
    let linked = service.link(&account, ADA_AT_CORP).unwrap();
    let step = service.come(By::Page, ADA_AT_CORP).unwrap();
    let secrets = Secrets(service.idp.secrets());
    let profile = serde_json::to_string(&crate::bed::tokens(step).user).unwrap();
    secrets.assert_absent(&format!("{profile} {} {linked:?}", serde_json::to_string(&linked).unwrap()));
    assert!(!profile.contains(ADA_AT_CORP.subject));
}

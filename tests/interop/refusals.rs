//! Flows that end without a sign-in.

use crate::browser::Browser;
use crate::flow::{Decision, assert_refused, at_provider, begin, come_back, parameters, sign_in, tokens, with};
use crate::provider::Provider;
use crate::support::Server;

/// O-24: somebody doesn't want to.
#[test]
fn who_says_no_is_not_signed_in() {
    let Some(provider) = Provider::start("a no") else { return };
    let server = Server::on_sqlite(provider.options());
    let mut browser = Browser::new(&server);
    let authorization = begin(&mut browser, "/auth/corp");
    let callback = at_provider(&mut browser, authorization, Decision::Cancel);
    assert_eq!(parameters(&callback)["error"], "access_denied");
    assert_refused(&come_back(&mut browser, &callback), 400, "oauth_denied");
    assert_refused(&come_back(&mut browser, &callback), 400, "oauth_state_invalid");
    assert_eq!((server.database.count("users"), server.database.count("sessions")), (0, 0));
}

/// O-05, O-06: a code belongs to the flow whose verifier it was asked for with, and this provider looks.
#[test]
fn a_code_of_another_flow_is_refused_by_the_provider() {
    let Some(provider) = Provider::start("codes of another flow") else { return };
    let server = Server::on_sqlite(provider.options());
    let callback_of = |browser: &mut Browser, person| {
        let authorization = begin(browser, "/auth/corp");
        at_provider(browser, authorization, Decision::Agree(person))
    };
    let (mut attacker, mut victim) = (Browser::new(&server), Browser::new(&server));
    let theirs = callback_of(&mut attacker, "mallory");
    let own = callback_of(&mut victim, "ada");
    let mixed = with(&own, "code", Some(&parameters(&theirs)["code"]));
    assert_refused(&come_back(&mut victim, &mixed), 502, "provider_error");
    assert_eq!((server.database.count("users"), server.database.count("sessions")), (0, 0));
}

/// O-01, O-02, O-07: the answer of another issuer or of none, one in another browser, and one for the second time.
#[test]
fn a_callback_that_is_not_of_this_flow_is_refused() {
    let Some(provider) = Provider::start("callbacks of other flows") else { return };
    let server = Server::on_sqlite(provider.options());
    let mut browser = Browser::new(&server);
    for issuer in [Some("https://evil.example.org"), None] {
        let authorization = begin(&mut browser, "/auth/corp");
        let callback = at_provider(&mut browser, authorization, Decision::Agree("ada"));
        // A provider that says in its metadata that it names itself has to (RFC 9207, section 2.4).
        let refused = come_back(&mut browser, &with(&callback, "iss", issuer));
        assert_refused(&refused, 400, "oauth_state_invalid");
    }
    let authorization = begin(&mut browser, "/auth/corp");
    let callback = at_provider(&mut browser, authorization, Decision::Nothing);
    assert_refused(&come_back(&mut Browser::new(&server), &callback), 400, "oauth_state_invalid");
    assert_eq!(server.database.count("users"), 0);

    let authorization = begin(&mut browser, "/auth/corp");
    let callback = at_provider(&mut browser, authorization, Decision::Nothing);
    tokens(&come_back(&mut browser, &callback));
    assert_refused(&come_back(&mut browser, &callback), 400, "oauth_state_invalid");
}

/// A secret that the provider doesn't know is our fault, and told as what it looks like from outside.
#[test]
fn a_wrong_client_secret_is_an_error_of_the_provider() {
    let Some(provider) = Provider::start("a wrong client secret") else { return };
    let server = Server::on_sqlite(provider.options().set("AUTH_OIDC_CORP_CLIENT_SECRET", "wrong"));
    let answer = sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada"));
    assert_refused(&answer, 502, "provider_error");
}

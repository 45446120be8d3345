//! The way back to an app's page, with a code that is exchanged by POST.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::json;
use url::Url;

use crate::browser::{Browser, location};
use crate::flow::{Decision, assert_refused, at_provider, begin, come_back, parameters, tokens};
use crate::provider::Provider;
use crate::support::Server;

const APP: &str = "https://app.example.org/signed-in";

/// What the app keeps to itself, and what it shows (RFC 7636).
const VERIFIER: &str = "dBjftJeZ4CVP-mBA92K27uhbUJU1p1r_wW1gFWFOEjX";

fn server(provider: &Provider) -> Server {
    Server::on_sqlite(provider.options().set("AUTH_REDIRECT_ORIGINS", "https://app.example.org"))
}

/// A flow of the app's: where its page is opened at last.
fn at_app(server: &Server, decision: Decision<'_>) -> Url {
    let challenge = BASE64URL.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let start = format!("/auth/corp?redirect_to={APP}&code_challenge={challenge}&app_state=a%26b");
    let mut browser = Browser::new(server);
    let authorization = begin(&mut browser, &start);
    let callback = at_provider(&mut browser, authorization, decision);
    let answer = come_back(&mut browser, &callback);
    let page = location(&callback, &answer);
    assert!(page.as_str().starts_with(APP), "{page}");
    page
}

/// REQ-30: no token in any address, and the code is of use to the app's own browser, once.
#[test]
fn an_app_exchanges_its_code() {
    let Some(provider) = Provider::start("the code for the app") else { return };
    let server = server(&provider);
    let page = at_app(&server, Decision::Agree("ada"));
    let given = parameters(&page);
    assert_eq!(given.keys().collect::<Vec<_>>(), ["app_state", "code"], "{page}");
    assert_eq!(given["app_state"], "a&b");
    let exchange = |verifier: &str| {
        server.client.post("/auth/oauth/exchange", &json!({ "code": given["code"], "code_verifier": verifier }))
    };
    let tokens = tokens(&exchange(VERIFIER));
    assert_eq!(tokens["user"]["email"], "ada@example.org");
    assert_refused(&exchange(VERIFIER), 400, "token_invalid_or_expired");
}

/// O-24: the app is told by its own code of error.
#[test]
fn an_app_is_told_that_somebody_said_no() {
    let Some(provider) = Provider::start("a no on the way to the app") else { return };
    let page = at_app(&server(&provider), Decision::Cancel);
    let given = parameters(&page);
    assert_eq!(given.get("error").map(String::as_str), Some("oauth_denied"), "{page}");
    assert!(!given.contains_key("code"), "{page}");
}

//! The provider as a client meets it: a flow from end to end, and everything that it refuses.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod client;

use identity_provider::{Endpoint, IdentityProvider, people};
use serde_json::{Value, json};
use url::Url;

use client::{CHALLENGE, Change, VERIFIER, authorization_url, code, exchange, exchange_with, get, read_user};

#[test]
fn a_code_becomes_a_user() {
    let provider = IdentityProvider::start();
    provider.set_user(people::github(7));
    let back = provider.approve(authorization_url(&provider, &[]));
    assert!(back.as_str().starts_with("https://app.example/callback?from=here&code="), "{back}");
    assert!(back.as_str().ends_with("&state=a-state-of-many-characters"), "{back}");
    provider.set_user(people::github(8));
    let answer = exchange(&provider, &code(&back));
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens.get("id_token").is_none(), "nobody asked for one");
    assert_eq!(read_user(&provider, &tokens, "").json()["id"], 7, "who approved");
    assert_eq!(read_user(&provider, &tokens, "/emails").json()[1]["email"], "ada@example.org");
    let asked: Vec<_> = provider.requests().iter().map(|request| request.endpoint).collect();
    assert_eq!(asked, [Endpoint::Token, Endpoint::Userinfo, Endpoint::Emails]);
    assert_eq!(provider.requests()[0].form["code_verifier"], VERIFIER);
    let secrets = provider.secrets();
    for secret in [&code(&back), "client-secret", tokens["refresh_token"].as_str().unwrap()] {
        assert!(secrets.iter().any(|known| known == secret), "{secret}");
    }
}

#[test]
fn a_browser_is_sent_back_at_once() {
    let provider = IdentityProvider::start();
    let url = Url::parse(&authorization_url(&provider, &[])).unwrap();
    let target = format!("{}?{}", url.path(), url.query().unwrap());
    let answer = get(&provider, &target, &[]);
    assert_eq!(answer.status, 302);
    assert!(answer.header("location").starts_with("https://app.example/callback?from=here&code="));
    assert_eq!(get(&provider, "/authorize?response_type=code", &[]).status, 400);
}

#[test]
fn who_denies_is_sent_back_with_an_error() {
    let provider = IdentityProvider::start();
    let url = authorization_url(&provider, &[("scope", "openid")]);
    let back = provider.deny(&url);
    let query: Vec<_> = back.query_pairs().collect();
    assert!(query.contains(&("error".into(), "access_denied".into())), "{back}");
    assert!(query.contains(&("state".into(), "a-state-of-many-characters".into())), "{back}");
    assert!(query.contains(&("iss".into(), provider.issuer().into())), "{back}");
    provider.set_iss(Some("https://other.example"));
    assert!(provider.fail(&url, "server_error", "<b>").as_str().ends_with("&iss=https%3A%2F%2Fother.example"));
    provider.set_iss(None);
    assert!(!provider.approve(&url).as_str().contains("&iss="));
}

#[test]
fn a_bad_authorization_url_is_refused_with_its_fault() {
    let provider = IdentityProvider::start();
    let cases: &[(&str, &str, &str)] = &[
        ("response_type", "token", "not `code`"),
        ("response_type", "", "`response_type` is missing"),
        ("client_id", "somebody", "unknown"),
        ("redirect_uri", "", "`redirect_uri` is missing"),
        ("redirect_uri", "/callback", "the `redirect_uri` is none"),
        ("redirect_uri", "https://app.example/#part", "fragment"),
        ("scope", "", "`scope` is missing"),
        ("state", "", "`state` is missing"),
        ("state", "short", "guessed"),
        ("state", CHALLENGE, "the challenge"),
        ("nonce", "short", "guessed"),
        ("nonce", "a-state-of-many-characters", "told elsewhere"),
        ("code_challenge", "", "`code_challenge` is missing"),
        ("code_challenge", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX", "no SHA-256"),
        ("code_challenge", "dBjftJeZ4CVP+mB92K27uhbUJU1p1r/wW1gFWFOEjXk", "no SHA-256"),
        ("code_challenge_method", "plain", "not `S256`"),
        ("response_mode", "fragment", "not `query`"),
        ("code_verifier", VERIFIER, "no place in a URL"),
    ];
    for (name, value, fault) in cases {
        let refusal = provider.try_approve(&authorization_url(&provider, &[(name, value)])).unwrap_err();
        assert!(refusal.contains(fault), "{name}={value}: {refusal}");
    }
    let good = authorization_url(&provider, &[]);
    assert!(provider.try_approve(&format!("{good}&state=twice")).unwrap_err().contains("repeated"));
    let elsewhere = good.replace("/authorize?", "/token?");
    assert!(provider.try_approve(&elsewhere).unwrap_err().contains("another endpoint"));
    provider.register_redirect_uris(&["https://app.example/callback"]);
    assert!(provider.try_approve(&good).unwrap_err().contains("not registered"));
    provider.register_redirect_uris(&["https://app.example/callback?from=here"]);
    provider.approve(&good);
}

#[test]
fn a_code_is_good_once_and_a_second_use_ends_what_it_gave() {
    let provider = IdentityProvider::start();
    let code = code(&provider.approve(authorization_url(&provider, &[])));
    let tokens = exchange(&provider, &code).json();
    assert_eq!(read_user(&provider, &tokens, "").status, 200);
    let again = exchange(&provider, &code);
    assert_eq!((again.status, again.json()["error"].clone()), (400, json!("invalid_grant")));
    assert_eq!(read_user(&provider, &tokens, "").status, 401);
    assert_eq!(read_user(&provider, &Value::Null, "").status, 401);
}

#[test]
fn a_code_is_bound_to_client_redirect_uri_and_verifier() {
    let provider = IdentityProvider::start();
    let code = code(&provider.approve(authorization_url(&provider, &[])));
    let cases: &[(Change, u16, &str)] = &[
        (("code", Some("another")), 400, "invalid_grant"),
        (("code", None), 400, "invalid_request"),
        (("redirect_uri", Some("https://app.example/callback")), 400, "invalid_grant"),
        (("redirect_uri", None), 400, "invalid_grant"),
        (("code_verifier", None), 400, "invalid_grant"),
        (("code_verifier", Some("short")), 400, "invalid_grant"),
        (("code_verifier", Some("another-verifier-with-at-least-43-characters")), 400, "invalid_grant"),
        (("client_id", Some("another")), 401, "invalid_client"),
        (("client_id", None), 401, "invalid_client"),
        (("client_secret", Some("another")), 401, "invalid_client"),
        (("client_secret", None), 401, "invalid_client"),
        (("grant_type", Some("password")), 400, "unsupported_grant_type"),
        (("grant_type", None), 400, "unsupported_grant_type"),
    ];
    for (change, status, error) in cases {
        let answer = exchange_with(&provider, &code, &[*change], &[]);
        assert_eq!((answer.status, answer.json()["error"].clone()), (*status, json!(error)), "{change:?}");
    }
    assert_eq!(exchange(&provider, &code).status, 200, "no refusal used it up");
}

#[test]
fn a_provider_without_pkce_takes_any_verifier() {
    let provider = IdentityProvider::start();
    provider.ignore_pkce(true);
    let code = code(&provider.approve(authorization_url(&provider, &[])));
    assert_eq!(exchange_with(&provider, &code, &[("code_verifier", None)], &[]).status, 200);
}

#[test]
fn a_client_authenticates_in_one_way() {
    let provider = IdentityProvider::start();
    provider.use_client("id/1", "a secret");
    let basic = ("Authorization", "Basic aWQlMkYxOmErc2VjcmV0");
    let url = authorization_url(&provider, &[("client_id", "id/1")]);
    let code = code(&provider.approve(&url));
    let two = exchange_with(&provider, &code, &[("client_id", None)], &[basic]);
    assert_eq!(two.json()["error"], "invalid_request");
    let without = [("client_id", None), ("client_secret", None)];
    let wrong = exchange_with(&provider, &code, &without, &[("Authorization", "Basic aWQvMTph")]);
    assert_eq!((wrong.status, wrong.header("www-authenticate").is_empty()), (401, false));
    assert_eq!(exchange_with(&provider, &code, &without, &[basic]).status, 200);
}

#[test]
fn a_public_client_has_no_secret() {
    let provider = IdentityProvider::start();
    provider.use_public_client("client-id");
    let code = code(&provider.approve(authorization_url(&provider, &[])));
    assert_eq!(exchange(&provider, &code).status, 401);
    assert_eq!(exchange_with(&provider, &code, &[("client_secret", None)], &[]).status, 200);
}

#[test]
fn as_with_github_a_form_comes_back_unless_json_is_asked_for() {
    let provider = IdentityProvider::start();
    let code = code(&provider.approve(authorization_url(&provider, &[])));
    let answer = exchange_with(&provider, &code, &[], &[("Accept", "*/*")]);
    assert!(answer.header("content-type").starts_with("application/x-www-form-urlencoded"));
    assert!(answer.text().contains("&token_type=Bearer") || answer.text().starts_with("token_type"), "{answer:?}");
}

#[test]
fn a_test_can_change_every_answer() {
    let provider = IdentityProvider::start();
    provider.set_token_answer(|answer| {
        answer.remove("token_type");
    });
    provider.set_userinfo(|user| {
        user.insert("sub".to_owned(), json!(7));
    });
    provider.set_emails(json!("none"));
    provider.set_issuer("https://issuer.example/tenant");
    provider.set_metadata(|metadata| {
        metadata.remove("userinfo_endpoint");
    });
    provider.set_jwks(|jwks| jwks["keys"].as_array_mut().unwrap().truncate(1));
    let tokens = exchange(&provider, &code(&provider.approve(authorization_url(&provider, &[])))).json();
    assert!(tokens.get("token_type").is_none());
    assert_eq!(read_user(&provider, &tokens, "").json()["sub"], 7);
    assert_eq!(read_user(&provider, &tokens, "/emails").json(), "none");
    let metadata = get(&provider, "/tenant/.well-known/openid-configuration", &[]).json();
    assert_eq!(metadata["issuer"], "https://issuer.example/tenant");
    assert!(metadata.get("userinfo_endpoint").is_none());
    assert_eq!(get(&provider, "/jwks", &[]).json()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(get(&provider, "/elsewhere", &[]).status, 404);
}

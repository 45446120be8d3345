//! The flow as it should be, and codes that aren't ours (REQ-30, O-05, O-06).

use std::collections::BTreeMap;

use identity_provider::{Endpoint, Recorded, Signing, people};
use serde_json::json;

use super::*;

/// The one request for a token.
fn token_request(desk: &Desk) -> Recorded {
    let mut requests = desk.issuer.requests();
    requests.retain(|request| request.endpoint == Endpoint::Token);
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

#[tokio::test]
async fn a_person_signs_in_by_each_algorithm_of_the_issuer() {
    for signing in [Signing::Rs256, Signing::Es256, Signing::EdDsa] {
        let desk = Desk::start();
        desk.issuer.sign_with(signing);
        let user = desk.sign_in().await.unwrap();
        assert_eq!(user.subject, "subject-1", "{signing:?}");
        assert_eq!(user.verified_email().unwrap().as_str(), "ada@example.org");
        assert_eq!(user.display_name.as_deref(), Some("Ada Lovelace"));
        assert_eq!(user.avatar_url.as_deref(), Some("https://pictures.example/ada.png"));
        let asked: Vec<_> = desk.issuer.requests().into_iter().map(|request| request.endpoint).collect();
        assert_eq!(asked, [Endpoint::Discovery, Endpoint::Token, Endpoint::Jwks]);
    }
}

/// A server may begin and finish flows on whatever thread it likes.
#[test]
fn the_futures_can_be_sent_to_other_threads() {
    fn check(_: impl Send) {}
    let desk = Desk::start();
    let flow = Flow::begin(Url::parse(REDIRECT_URI).unwrap(), &OsRandom);
    check(desk.client.authorization_url(&flow, "state"));
    check(desk.client.exchange(&flow, AuthorizationResponse { code: "code", iss: None }));
}

#[tokio::test]
async fn metadata_and_keys_are_asked_for_once() {
    let desk = Desk::start();
    for subject in ["a", "b", "c"] {
        desk.issuer.set_user(people::openid(subject, "ada@example.org"));
        assert_eq!(desk.sign_in().await.unwrap().subject, subject);
    }
    assert_eq!((desk.issuer.count(Endpoint::Discovery), desk.issuer.count(Endpoint::Jwks)), (1, 1));
}

/// O-06, O-25.
#[tokio::test]
async fn the_browser_is_sent_with_everything_that_binds_the_flow() {
    let desk = Desk::start_with(
        |issuer, _| {
            let url = issuer.authorize_url() + "?tenant=1";
            issuer.set_metadata(move |metadata| metadata["authorization_endpoint"] = json!(url));
        },
        |builder| builder,
    );
    let (flow, url) = desk.begin().await.unwrap();
    let parameters: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(parameters.len(), url.query_pairs().count());
    let names: Vec<_> = parameters.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
            "tenant"
        ]
    );
    assert_eq!(parameters["scope"], "openid email profile");
    assert_eq!(parameters["code_challenge_method"], "S256");
    assert_eq!(parameters["nonce"], flow.nonce());
    assert_eq!(parameters["redirect_uri"], REDIRECT_URI);
    assert!(!url.as_str().contains(flow.code_verifier()));
}

#[tokio::test]
async fn openid_is_asked_for_even_if_it_is_not_configured() {
    let desk = Desk::start_with(|_, config| config.scopes = vec!["email".to_owned()], |builder| builder);
    let (_, url) = desk.begin().await.unwrap();
    assert!(url.query_pairs().any(|(name, value)| name == "scope" && value == "openid email"), "{url}");
}

/// RFC 6749, section 2.3.1: id and secret are encoded before they are joined.
#[tokio::test]
async fn the_secret_goes_into_the_header() {
    let (id, secret) = ("client:1 ä", "s3cr+t &%:=ü");
    let desk = Desk::start_with(
        |issuer, config| {
            issuer.use_client(id, secret);
            config.client = credentials(id, Some(secret));
        },
        |builder| builder,
    );
    desk.sign_in().await.unwrap();
    let request = token_request(&desk);
    assert!(request.headers["authorization"].starts_with("Basic "));
    let fields: Vec<_> = request.form.keys().map(String::as_str).collect();
    assert_eq!(fields, ["code", "code_verifier", "grant_type", "redirect_uri"]);
}

#[tokio::test]
async fn the_secret_goes_into_the_body_where_the_issuer_takes_it_there_alone() {
    let desk = Desk::start();
    desk.issuer.set_metadata(|metadata| {
        metadata["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt", "client_secret_post"]);
    });
    desk.sign_in().await.unwrap();
    let request = token_request(&desk);
    assert!(!request.headers.contains_key("authorization"));
    assert_eq!(request.form["client_id"], "client-id");
    assert_eq!(request.form["client_secret"], "client-secret");
}

#[tokio::test]
async fn a_public_client_sends_its_id_alone() {
    let desk = Desk::start_with(
        |issuer, config| {
            issuer.use_public_client("public");
            config.client = credentials("public", None);
        },
        |builder| builder,
    );
    desk.sign_in().await.unwrap();
    let request = token_request(&desk);
    assert!(!request.headers.contains_key("authorization") && !request.form.contains_key("client_secret"));
    assert_eq!(request.form["client_id"], "public");
}

/// Discovery, section 4.1.
#[tokio::test]
async fn an_issuer_may_have_a_path_and_a_slash() {
    for (path, expected) in [
        ("/", "/.well-known/openid-configuration"),
        ("/tenant", "/tenant/.well-known/openid-configuration"),
        ("/tenant/", "/tenant/.well-known/openid-configuration"),
    ] {
        let desk = Desk::start_with(
            |issuer, config| {
                config.issuer = issuer.url() + path;
                issuer.set_issuer(&config.issuer);
            },
            |builder| builder,
        );
        assert_eq!(desk.sign_in().await.unwrap().subject, "subject-1", "{path}");
        assert_eq!(desk.issuer.requests()[0].target, expected);
        assert_eq!(desk.client.identity_issuer(), desk.issuer.url() + path);
    }
}

/// O-05.
#[tokio::test]
async fn a_code_is_good_once() {
    let desk = Desk::start();
    let visit = desk.visit().await;
    desk.finish(&visit).await.unwrap();
    let reason = desk.refusal(desk.finish(&visit).await);
    assert!(reason.contains("invalid_grant"), "{reason}");
}

/// O-05: an attacker's code in the victim's flow, at an issuer that knows PKCE and at one that doesn't.
#[tokio::test]
async fn the_code_of_another_flow_is_refused() {
    for (ignores_pkce, expected) in [(false, "invalid_grant"), (true, "the id_token is of another flow")] {
        let desk = Desk::start();
        desk.issuer.ignore_pkce(ignores_pkce);
        let (victims, attackers) = (desk.visit().await, desk.visit().await);
        let mixed = Visit { flow: victims.flow.clone(), ..attackers };
        let reason = desk.refusal(desk.finish(&mixed).await);
        assert!(reason.contains(expected), "{reason}");
        desk.finish(&victims).await.unwrap();
    }
}

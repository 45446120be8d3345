//! REQ-30, REQ-31: people sign in, for the first time and again.

use serde_json::json;

use crate::browser::Browser;
use crate::flow::{Decision, at_provider, begin, claims, come_back, parameters, sign_in, tokens};
use crate::provider::{BASE_URL, CLIENT_ID, Provider, client};
use crate::support::{Server, ServerOptions};

/// REQ-30, O-06: from the start to the tokens, and what was asked on the way.
#[test]
fn a_new_user_signs_in_with_what_the_provider_knows_of_them() {
    let Some(provider) = Provider::start("the whole flow") else { return };
    let server = Server::on_sqlite(provider.options());
    let mut browser = Browser::new(&server);

    let authorization = begin(&mut browser, "/auth/corp");
    assert_eq!(authorization.origin().ascii_serialization(), provider.issuer, "found by discovery");
    let asked = parameters(&authorization);
    let callback = format!("{BASE_URL}/auth/corp/callback");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", &*callback),
        ("scope", "openid email profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}: {asked:?}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert!(asked.get(name).is_some_and(|value| value.len() >= 43), "{name}: {asked:?}");
    }

    let back = at_provider(&mut browser, authorization, Decision::Agree("ada"));
    assert!(back.as_str().starts_with(&callback), "{back}");
    assert_eq!(parameters(&back).get("iss"), Some(&provider.issuer), "RFC 9207");
    let tokens = tokens(&come_back(&mut browser, &back));
    let user = &tokens["user"];
    assert_eq!((&user["email"], &user["email_verified"]), (&json!("ada@example.org"), &json!(true)));
    assert_eq!(user["display_name"], "Ada Lovelace");
    assert_eq!(user["avatar_url"], "https://pictures.example.org/ada.png");
    assert_eq!(user["has_password"], false);
    assert_eq!(claims(&tokens)["amr"], json!(["fed"]));
    assert_eq!(server.as_user(&tokens).get("/users/me").json()["id"], user["id"]);
}

/// REQ-30: the identity is what stays the same, in this browser and in another.
#[test]
fn a_user_who_comes_again_is_the_same_user() {
    let Some(provider) = Provider::start("signing in again") else { return };
    let server = Server::on_sqlite(provider.options());
    let mut browser = Browser::new(&server);
    let first = tokens(&sign_in(&mut browser, "corp", Decision::Agree("ada")));
    // The provider knows the browser now, and asks nothing.
    let again = tokens(&sign_in(&mut browser, "corp", Decision::Nothing));
    let elsewhere = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    assert_eq!(first["user"]["id"], again["user"]["id"]);
    assert_eq!(first["user"]["id"], elsewhere["user"]["id"]);
    assert_eq!((server.database.count("users"), server.database.count("sessions")), (1, 3));
}

/// O-10, H-05: an address that the provider has not verified, and none at all.
#[test]
fn an_address_that_is_not_verified_is_not_used() {
    let Some(provider) = Provider::start("unverified addresses") else { return };
    let server = Server::on_sqlite(provider.options());
    let ada = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    for person in ["mallory", "nemo"] {
        let other = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree(person)));
        assert_eq!((&other["user"]["email"], &other["user"]["email_verified"]), (&json!(null), &json!(false)));
        assert_ne!(other["user"]["id"], ada["user"]["id"]);
    }
}

/// OpenID Connect Core, section 5.4, and what many providers do instead.
#[test]
fn claims_are_found_in_the_id_token_too() {
    let settings = json!({ "clients": [client("corp")], "claims_in_id_token": true });
    let Some(provider) = Provider::start_with("claims in the id_token", &settings) else { return };
    let server = Server::on_sqlite(provider.options());
    let tokens = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    assert_eq!(tokens["user"]["email"], "ada@example.org");
    assert_eq!(tokens["user"]["display_name"], "Ada Lovelace");
}

/// OpenID Connect Core, section 9: each way in which a client is known to a provider that knows no other.
#[test]
fn every_kind_of_client_is_known_to_the_provider() {
    for method in ["client_secret_basic", "client_secret_post", "none"] {
        let mut ours = client("corp");
        ours["token_endpoint_auth_method"] = json!(method);
        let settings = json!({ "clients": [ours], "client_auth_methods": [method] });
        let Some(provider) = Provider::start_with(&format!("clients known by {method}"), &settings) else { return };
        let public = provider.named(ServerOptions::default(), "CORP").set("AUTH_OIDC_PROVIDERS", "corp");
        let server = Server::on_sqlite(if method == "none" { public } else { provider.options() });
        tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    }
}

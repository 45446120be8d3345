//! The provider's keys: every signature that it can make and we take, the ones we don't, and new keys.

use serde_json::json;

use crate::browser::Browser;
use crate::flow::{Decision, assert_refused, sign_in, tokens};
use crate::provider::{Provider, client};
use crate::quiet_port::quiet_port;
use crate::support::{Response, Server};

/// A sign-in with an `id_token` signed by this algorithm.
fn signed_by(algorithm: &str) -> Option<Response> {
    let mut ours = client("corp");
    ours["id_token_signed_response_alg"] = json!(algorithm);
    let provider = Provider::start_with(algorithm, &json!({ "clients": [ours] }))?;
    let server = Server::on_sqlite(provider.options());
    Some(sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")))
}

/// OpenID Connect Core, section 3.1.3.7.
#[test]
fn id_tokens_of_every_usual_signature_are_taken() {
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let Some(answer) = signed_by(algorithm) else { return };
        tokens(&answer);
    }
}

/// O-08: a signature by the client's secret proves nothing that a public key would.
#[test]
fn id_tokens_signed_with_the_clients_secret_are_refused() {
    let Some(answer) = signed_by("HS256") else { return };
    assert_refused(&answer, 502, "provider_error");
}

/// the keys change between two sign-ins, and nobody notices.
#[test]
fn a_provider_that_changes_its_keys_is_followed() {
    let test = "a provider with new keys";
    let settings = json!({ "clients": [client("corp")], "port": quiet_port() });
    let Some(provider) = Provider::start_with(test, &settings) else { return };
    let server = Server::on_sqlite(provider.options());
    let before = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    drop(provider);
    let _renewed = Provider::start_with(test, &settings).unwrap();
    let after = tokens(&sign_in(&mut Browser::new(&server), "corp", Decision::Agree("ada")));
    assert_eq!(before["user"]["id"], after["user"]["id"]);
}

//! ID tokens that prove nothing (O-08, O-12).

use identity_provider::Signing;
use serde_json::{Map, Value, json};

use super::*;

#[tokio::test]
async fn a_token_that_is_not_signed_by_the_issuer_is_refused() {
    for (signing, expected) in [
        (Signing::None, "algorithm"),
        (Signing::Hs256WithClientSecret, "algorithm"),
        (Signing::Hs256WithPublicKey, "algorithm"),
        // A good signature, but the key is one for RS256 and the issuer says that it doesn't use PS256.
        (Signing::Ps256, "algorithm"),
        (Signing::UnknownKid, "key isn't known"),
        (Signing::NoKid, "key isn't known"),
        (Signing::OtherKey, "signature"),
        (Signing::BrokenSignature, "signature"),
    ] {
        let desk = Desk::start();
        desk.issuer.sign_with(signing);
        let reason = desk.refusal(desk.sign_in().await);
        assert!(reason.starts_with("the id_token's ") && reason.contains(expected), "{signing:?} {reason}");
    }
}

#[tokio::test]
async fn an_algorithm_that_the_issuer_does_not_list_is_refused() {
    let desk = Desk::start();
    desk.issuer.set_metadata(|metadata| metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "none"]));
    desk.issuer.sign_with(Signing::Es256);
    let reason = desk.refusal(desk.sign_in().await);
    assert_eq!(reason, "the id_token's algorithm isn't in the metadata's `id_token_signing_alg_values_supported`");
    desk.issuer.sign_with(Signing::Rs256);
    desk.sign_in().await.unwrap();
}

/// A key for RS256 is none for PS256, even if the issuer lists both.
#[tokio::test]
async fn a_key_is_used_for_its_own_algorithm_alone() {
    let desk = Desk::start();
    desk.issuer.set_metadata(|metadata| metadata["id_token_signing_alg_values_supported"] = json!(["RS256", "PS256"]));
    desk.issuer.sign_with(Signing::Ps256);
    let reason = desk.refusal(desk.sign_in().await);
    assert_eq!(reason, "the id_token's key is for another algorithm than the id_token's `alg`");
    desk.pass(Duration::from_mins(1));
    desk.issuer.set_jwks(|set| {
        set["keys"][0].as_object_mut().unwrap().remove("alg");
    });
    desk.sign_in().await.unwrap();
}

#[tokio::test]
async fn a_token_without_a_kid_means_the_only_key() {
    let desk = Desk::start();
    desk.issuer.set_jwks(|set| set["keys"].as_array_mut().unwrap().truncate(1));
    desk.issuer.sign_with(Signing::NoKid);
    desk.sign_in().await.unwrap();
}

/// Each row: a change of the claims, and how the reason ends.
type Row = (fn(&mut Map<String, Value>), &'static str);

const ROWS: [Row; 21] = [
    (|claims| claims["iss"] = json!("https://evil.example"), "another issuer's"),
    (|claims| claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap())), "another issuer's"),
    (|claims| drop(claims.remove("iss")), "another issuer's"),
    (|claims| claims["aud"] = json!("another-client"), "another audience"),
    (|claims| claims["aud"] = json!(["client-id", "another-client"]), "another audience"),
    (|claims| claims["aud"] = json!([]), "another audience"),
    (|claims| drop(claims.remove("aud")), "another audience"),
    (|claims| drop(claims.insert("azp".to_owned(), json!("another-client"))), "another client"),
    (|claims| drop(claims.remove("nonce")), "another flow"),
    (|claims| claims["nonce"] = json!("another-nonce"), "another flow"),
    (|claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 6), "expired"),
    (|claims| drop(claims.remove("exp")), "expired"),
    (|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 61), "just now"),
    (|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 661), "just now"),
    (|claims| drop(claims.remove("iat")), "just now"),
    (|claims| drop(claims.insert("nbf".to_owned(), json!(claims["iat"].as_i64().unwrap() + 61))), "yet"),
    (|claims| claims["at_hash"] = json!("77QmUPtjPfzWtF2AnpK9RQ"), "another access token"),
    (|claims| claims["sub"] = json!("undefined"), "no subject"),
    (|claims| claims["sub"] = json!(""), "no subject"),
    (|claims| drop(claims.remove("sub")), "no subject"),
    (|claims| claims["sub"] = json!(123), "malformed"),
];

#[tokio::test]
async fn a_token_that_is_not_of_this_flow_is_refused() {
    let desk = Desk::start();
    for (number, (change, expected)) in ROWS.into_iter().enumerate() {
        desk.issuer.set_claims(change);
        let reason = desk.refusal(desk.sign_in().await);
        assert!(reason.starts_with("the id_token") && reason.contains(expected), "{number} {reason}");
    }
    desk.issuer.set_claims(|_| {});
    desk.sign_in().await.unwrap();
}

/// O-08: a token that was good in an earlier flow.
#[tokio::test]
async fn a_replayed_token_is_refused() {
    let desk = Desk::start();
    desk.sign_in().await.unwrap();
    let seen = desk.issuer.secrets().into_iter().find(|secret| secret.starts_with("eyJ")).unwrap();
    desk.issuer.set_token_answer(move |answer| answer["id_token"] = json!(seen));
    assert_eq!(desk.refusal(desk.sign_in().await), "the id_token is of another flow");
}

#[tokio::test]
async fn an_answer_without_an_id_token_is_no_sign_in() {
    let desk = Desk::start();
    desk.issuer.set_token_answer(|answer| drop(answer.remove("id_token")));
    assert_eq!(desk.refusal(desk.sign_in().await), "there is no id_token in the answer");
    desk.issuer.set_token_answer(|answer| answer["id_token"] = json!(""));
    assert_eq!(
        desk.refusal(desk.sign_in().await),
        "the id_token is no signed JWT: the client has to be registered without encryption"
    );
    desk.issuer.set_token_answer(|answer| answer["id_token"] = json!("x".repeat(16 * 1024 + 1)));
    assert_eq!(desk.refusal(desk.sign_in().await), "the id_token is too long");
}

/// O-08, security case T-05: nothing in a header makes us call anybody.
#[tokio::test]
async fn a_header_that_brings_keys_is_not_followed() {
    let desk = Desk::start();
    let elsewhere = IdentityProvider::start();
    let url = elsewhere.url() + "/jwks";
    desk.issuer.sign_with(Signing::OtherKey);
    desk.issuer.set_header(move |header| {
        for name in ["jku", "x5u"] {
            header.insert(name.to_owned(), json!(url));
        }
        header.insert("jwk".to_owned(), json!({"kty": "oct", "k": "AAAA"}));
    });
    assert_eq!(desk.refusal(desk.sign_in().await), "the id_token's signature is wrong");
    assert!(elsewhere.requests().is_empty());
}
